use super::*;

/// A workspace of one tiny package with a function and two tests.
fn sample(folder: &Path) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[package]\nname = \"tiny\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n",
    );
    write(
        "src/lib.rs",
        "pub fn larger(a: u8, b: u8) -> u8 {\n    if a > b { a } else { b }\n}\n\
         #[test]\nfn keen() { assert_eq!(larger(2, 1), 2); }\n\
         #[test]\nfn blind() { assert_eq!(larger(2, 2), 2); }\n",
    );
}

fn mutant(find: &str, replace: &str, test: &str) -> Mutant {
    Mutant {
        name: "m".into(),
        file: "src/lib.rs".into(),
        find: find.into(),
        replace: replace.into(),
        package: "tiny".into(),
        test: test.into(),
        target: None,
    }
}

/// A folder below the build products that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = workspace::target().join("xtask-tests").join(name);
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn each_verdict_is_reached_and_the_tree_is_restored() {
    let scratch = Scratch::new("verdicts");
    let root = scratch.0.join("root");
    sample(&root);
    let yard = Yard::open(&root, &scratch.0.join("yard")).unwrap();
    let prove = |mutant: Mutant| yard.prove(&mutant).unwrap();

    assert_eq!(prove(mutant("a > b", "a < b", "keen")), Verdict::Noticed);
    assert_eq!(prove(mutant("a > b", "a < b", "blind")), Verdict::Survived);
    let useless = [
        (mutant("a > b", "a >", "keen"), "does not compile"),
        (mutant("a > c", "a < b", "keen"), "occurs 0 times"),
        (mutant("larger", "smaller", "keen"), "times in src/lib.rs, it must be once"),
    ];
    for (mutant, why) in useless {
        let Verdict::Useless(told) = prove(mutant) else { panic!("not useless: {why}") };
        assert!(told.contains(why), "{told}");
    }
    let [sound, missing] = ["keen", "no_such_test"].map(|test| mutant("a > b", "a < b", test));
    let useless = yard.useless(&[&sound, &missing]).unwrap();
    assert_eq!(useless, [(missing.run(), "its test does not exist".to_owned())].into());

    let source = Path::new("src/lib.rs");
    let (now, before) = (fs::read(yard.tree.join(source)), fs::read(root.join(source)));
    assert_eq!(now.unwrap(), before.unwrap());
}

#[test]
fn a_copy_follows_its_original_and_leaves_equal_files_alone() {
    let scratch = Scratch::new("copy");
    let (from, to) = (scratch.0.join("from"), scratch.0.join("to"));
    for name in ["src/a.rs", "src/b.rs", "target/x", ".git/y", "node_modules/z"] {
        fs::create_dir_all(from.join(name).parent().unwrap()).unwrap();
        fs::write(from.join(name), name).unwrap();
    }
    copy_changed(&from, &to).unwrap();
    let time = |name: &str| fs::metadata(to.join(name)).unwrap().modified().unwrap();
    let before = time("src/a.rs");
    fs::remove_file(from.join("src/b.rs")).unwrap();
    copy_changed(&from, &to).unwrap();
    assert_eq!(time("src/a.rs"), before);
    let left = workspace::files(&to, &|_| false).unwrap();
    assert_eq!(left, [to.join("src/a.rs")]);
}

#[test]
fn the_list_is_sound() {
    let text = fs::read_to_string(workspace::root().join("xtask/mutants.toml")).unwrap();
    for mutant in parse(&text).unwrap() {
        let path = workspace::root().join(&mutant.file);
        mutate(&fs::read_to_string(path).unwrap(), &mutant).unwrap();
    }
}

#[test]
fn a_list_with_a_mistake_is_refused() {
    let entry = |name: &str, replace: &str| {
        format!(
            "[[mutant]]\nname = \"{name}\"\nfile = \"f\"\nfind = \"x\"\nreplace = \"{replace}\"\n\
             package = \"p\"\ntest = \"t\"\n"
        )
    };
    assert_eq!(parse(&entry("a", "y")).unwrap().len(), 1);
    let twice = parse(&format!("{}{}", entry("a", "y"), entry("a", "z"))).unwrap_err();
    assert!(twice.to_string().contains("there twice"));
    assert!(parse(&entry("a", "x")).unwrap_err().to_string().contains("changes nothing"));
    assert!(parse("[[mutant]]\nnam = \"a\"\n").is_err());
}
