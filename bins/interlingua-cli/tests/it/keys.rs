//! `keys`: what the file looks like afterwards, and who gets in.

use std::fs;

use crate::support::Home;

const COMMENTED: &str = "# mine\r\nlisten  =  \"127.0.0.1:4\" # here\r\n\r\n[providers.house]\r\nbase_url = 'http://127.0.0.1:9/v1'\r\n";

#[test]
fn a_key_comes_and_goes_without_a_trace() {
    let home = Home::with(COMMENTED);
    let added = home.run(&["keys", "add", "laptop"]);
    assert!(added.stderr.contains("only time"), "{}", added.stderr);
    let key = added.ok();
    let key = key.strip_suffix('\n').unwrap();
    assert!(key.starts_with("il_") && key.len() == 67, "{key}");
    let text = home.text();
    assert!(text.starts_with(COMMENTED) && !text.contains(key), "{text}");
    assert!(!text.replace("\r\n", "").contains('\n'), "{text:?}");

    assert_eq!(home.run(&["keys", "list"]).ok(), "laptop\n");
    let listed = home.run(&["keys", "list", "--json"]).json("interlingua.keys/1");
    assert_eq!(listed["keys"], serde_json::json!([{ "id": "laptop" }]));

    let again = home.run(&["keys", "add", "laptop"]).failed(64);
    assert!(again.contains("already"), "{again}");
    assert_eq!(home.text(), text);

    let revoked = home.run(&["keys", "revoke", "laptop"]);
    assert!(revoked.stderr.contains("takes the key no more"), "{}", revoked.stderr);
    assert!(revoked.stderr.contains("no client key is left"), "{}", revoked.stderr);
    assert_eq!(revoked.ok(), "");
    assert_eq!(home.text(), COMMENTED);
    let unknown = home.run(&["keys", "revoke", "laptop"]).failed(64);
    assert!(unknown.contains("no client key `laptop`"), "{unknown}");
    let open = home.run(&["keys", "list"]);
    assert!(open.stderr.contains("whoever reaches"), "{}", open.stderr);
    assert_eq!(open.ok(), "");
}

#[test]
fn a_key_that_is_still_taken_is_not_called_revoked() {
    let home = Home::empty();
    home.run(&["keys", "add", "laptop"]).ok();
    fs::write(home.config(), format!("listen = '0.0.0.0:4'\n{}", home.text())).unwrap();
    let said = home.run(&["keys", "revoke", "laptop"]).failed(78);
    assert!(said.contains("there is no client key"), "{said}");
    assert!(said.contains("goes on as before and takes the key until this is mended"), "{said}");
}

#[test]
fn two_keys_are_two_keys() {
    let home = Home::empty();
    let [one, two] = ["one", "two"].map(|id| home.run(&["keys", "add", id]).ok());
    assert_ne!(one, two);
    assert_eq!(home.run(&["keys", "list"]).ok(), "one\ntwo\n");
}

#[cfg(unix)]
#[test]
fn a_new_file_is_private() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::empty();
    home.run(&["keys", "add", "laptop"]).ok();
    let mode = fs::metadata(home.config()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let named = home.path().join("other.toml");
    home.run(&["keys", "add", "desk", "--config", "other.toml"]).ok();
    assert!(fs::read_to_string(named).unwrap().contains("desk"));
    assert!(!home.text().contains("desk"));
}

#[test]
fn a_file_that_is_no_toml_stays_as_it_is() {
    let home = Home::with("listen = \n");
    let said = home.run(&["keys", "add", "laptop"]).failed(78);
    assert!(said.contains("not TOML") && said.contains("line 1"), "{said}");
    assert_eq!(home.text(), "listen = \n");
}

#[test]
fn a_folder_that_cannot_be_made_is_74() {
    let home = Home::empty();
    fs::write(home.path().join("file"), "").unwrap();
    let said = home.run(&["keys", "add", "laptop", "--config", "file/config.toml"]).failed(74);
    assert!(said.contains("file/config.toml"), "{said}");
}
