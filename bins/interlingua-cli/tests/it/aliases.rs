use crate::support::Home;

const CONFIG: &str = "\
# mine
[providers.a]
base_url = \"http://127.0.0.1:9/v1\"
models = [{ id = \"x\", context_window = 9 }, { id = \"y\", context_window = 9 }]
";

#[test]
fn aliases_are_set_listed_and_removed() {
    let home = Home::with(CONFIG);
    home.run(&["aliases", "set", "work", "a/x"]).ok();
    home.run(&["aliases", "set", "mix", "a/x=3", "a/y", "--weighted"]).ok();
    assert!(home.text().starts_with(CONFIG), "{}", home.text());
    let listed = home.run(&["aliases", "list"]).ok();
    assert_eq!(listed, "work  a/x          ready\nmix   a/x x3, a/y  ready\n");
    let json = home.run(&["aliases", "list", "--json"]).json("interlingua.aliases/1");
    assert_eq!(json["aliases"][1]["targets"][0]["weight"], 3);
    home.run(&["aliases", "remove", "mix"]).ok();
    assert!(!home.text().contains("mix"));
}

#[test]
fn an_alias_of_nothing_is_refused_and_nothing_is_written() {
    let home = Home::with(CONFIG);
    let said = home.run(&["aliases", "set", "work", "a/z"]).failed(78);
    assert!(said.contains("lists no model like `a/z`") && said.contains("a/y"), "{said}");
    assert_eq!(home.text(), CONFIG);
    let said = home.run(&["aliases", "remove", "work"]).failed(64);
    assert!(said.contains("no alias `work`"), "{said}");
}

#[test]
fn the_default_model_is_chosen_by_any_name_it_has() {
    let home = Home::with(CONFIG);
    assert_eq!(home.run(&["default"]).ok(), "a/x\n");
    home.run(&["default", "y"]).ok();
    assert_eq!(home.run(&["default"]).ok(), "a/y\n");
    assert!(home.text().contains("default_model = \"a/y\"\n"), "{}", home.text());
    home.run(&["default", "--none"]).ok();
    assert_eq!(home.text().trim_start(), CONFIG);
    let said = home.run(&["default", "z"]).failed(64);
    assert!(said.contains("there is no model `z`"), "{said}");
}
