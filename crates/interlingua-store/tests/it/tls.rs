//! A server that is reached over TLS, and not when it is somebody else.

use std::env;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use interlingua_store::{Address, Place, Settings, open};

use crate::support::*;

/// Where the child finds its server.
const URL: &str = "STORE_TEST_URL";

/// What the child does, with the certificates that its environment tells it to trust; without a server
/// it is nobody's child, and has nothing to do.
#[tokio::test]
async fn child() {
    let Ok(url) = env::var(URL) else { return };
    let place = Place::Redis(Address::new(&url, "the server"));
    let settings = Settings { place, ..Settings::default() };
    let stores = open(&settings, Path::new("/")).await.unwrap();
    put(&stores.thoughts, "a", "A").await;
    assert_eq!(get(&stores.thoughts, "a").await.as_deref(), Some("A"));
}

#[test]
fn a_server_has_to_prove_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    if !certificates(folder.path()) {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
    let tls = ["--tls-port", &port.to_string(), "--port", "0", "--tls-auth-clients", "no"];
    let tls = tls.map(str::to_owned).into_iter().chain([
        "--tls-cert-file".to_owned(),
        file("server.pem"),
        "--tls-key-file".to_owned(),
        file("server.key"),
        "--tls-ca-cert-file".to_owned(),
        file("ca.pem"),
    ]);
    let Some(_server) = Server::start_with(port, tls) else { return };
    let run = |trusted: &str| {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "tls::child"])
            .env(URL, format!("rediss://:{PASSWORD}@127.0.0.1:{port}"))
            .env("SSL_CERT_FILE", file(trusted))
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (succeeded, told) = run("ca.pem");
    assert!(succeeded, "{told}");
    let (succeeded, told) = run("other.pem");
    assert!(!succeeded, "the server is trusted though nobody vouches for it: {told}");
}

/// Makes an authority, a server that it vouches for, and another authority.
fn certificates(folder: &Path) -> bool {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    if let Err(error) = openssl("version") {
        assert!(env::var_os("CI").is_none(), "openssl is missing: {error}");
        eprintln!("skipped: openssl is not installed ({error})");
        return false;
    }
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30";
    for name in ["ca", "other"] {
        let made = openssl(&format!(
            "req -x509 {key} -keyout {name}.key -out {name}.pem -subj /CN={name}"
        ));
        assert!(made.unwrap().success());
    }
    let made = openssl(&format!(
        "req -x509 {key} -CA ca.pem -CAkey ca.key -keyout server.key -out server.pem -subj /CN=s \
         -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
    ));
    assert!(made.unwrap().success());
    true
}
