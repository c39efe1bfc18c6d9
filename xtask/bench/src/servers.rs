//! The processes under measurement.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::request::MODEL;

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: String,
    /// From the start of the process to its first 200 on `/readyz`, where it has one.
    pub(crate) ready: Option<Duration>,
    child: Child,
}

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often `/readyz` is asked.
const POLL: Duration = Duration::from_micros(500);

impl Server {
    /// The mock upstream.
    pub(crate) fn mock() -> Result<Self, String> {
        let mut command = own_binary()?;
        Self::announced("direct", command.arg("mock"))
    }

    /// The gathering relay.
    pub(crate) fn bytepipe(upstream: &str) -> Result<Self, String> {
        let mut command = own_binary()?;
        Self::announced("bytepipe", command.args(["bytepipe", "--upstream", upstream]))
    }

    /// nginx as a relay without buffering; `None` when it is not installed.
    pub(crate) fn nginx(folder: &Path, upstream: &str) -> Result<Option<Self>, String> {
        let Some(binary) = find_nginx() else { return Ok(None) };
        let folder = folder.join("nginx");
        fs::create_dir_all(&folder).map_err(|it| it.to_string())?;
        let port = free_port()?;
        let config = nginx_config(&folder, port, upstream);
        let file = folder.join("nginx.conf");
        fs::write(&file, config).map_err(|it| it.to_string())?;
        let child = Command::new(binary)
            .args(["-p".as_ref(), folder.as_os_str(), "-c".as_ref(), file.as_os_str()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|it| format!("nginx: {it}"))?;
        let address = format!("127.0.0.1:{port}");
        let server = Self { name: "nginx", address, ready: None, child };
        let start = Instant::now();
        while TcpStream::connect(&server.address).is_err() {
            if start.elapsed() > PATIENCE {
                return Err("nginx does not listen".into());
            }
            std::thread::sleep(POLL);
        }
        Ok(Some(server))
    }

    /// The gateway, with one provider: the mock.
    pub(crate) fn gateway(binary: &Path, folder: &Path, upstream: &str) -> Result<Self, String> {
        let folder = folder.join("gateway");
        fs::create_dir_all(&folder).map_err(|it| it.to_string())?;
        let file = folder.join("config.toml");
        let model = MODEL.trim_start_matches("up/");
        let config = format!(
            "[providers.up]\nbase_url = \"http://{upstream}/v1\"\nwire = \"chat\"\n\
             dialect = \"generic\"\nkey = {{ env = \"UP_KEY\" }}\n\
             [[providers.up.models]]\nid = \"{model}\"\n"
        );
        fs::write(&file, config).map_err(|it| it.to_string())?;
        let start = Instant::now();
        let mut command = Command::new(binary);
        command.args(["--listen", "127.0.0.1:0", "--config"]).arg(&file);
        command
            .current_dir(&folder)
            .env_clear()
            .envs([("HOME", &folder), ("XDG_STATE_HOME", &folder)]);
        command.env("UP_KEY", "bench");
        let mut server = Self::announced("gateway", &mut command)?;
        while !server.is_ready() {
            if start.elapsed() > PATIENCE {
                return Err("the gateway does not become ready".into());
            }
            std::thread::sleep(POLL);
        }
        server.ready = Some(start.elapsed());
        Ok(server)
    }

    /// Starts a program that tells its address on stderr: `listening on http://ADDRESS`.
    fn announced(name: &'static str, command: &mut Command) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        let stderr = child.stderr.take().ok_or("no stderr")?;
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Nobody listens any more once the address is known; the pipe is still emptied.
                drop(tell.send(line));
            }
        });
        let mut server = Self { name, address: String::new(), ready: None, child };
        let mut said = String::new();
        while let Ok(line) = told.recv_timeout(PATIENCE) {
            if let Some((_, address)) = line.split_once("listening on http://") {
                address
                    .split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut server.address);
                return Ok(server);
            }
            said.push_str(&line);
            said.push('\n');
        }
        Err(format!("{name} does not say where it listens. It said:\n{said}"))
    }

    fn is_ready(&self) -> bool {
        let Ok(mut socket) = TcpStream::connect(&self.address) else { return false };
        let host = &self.address;
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let mut answer = [0; 12];
        socket.write_all(request.as_bytes()).is_ok()
            && socket.read_exact(&mut answer).is_ok()
            && answer.ends_with(b" 200")
    }

    /// Processor time of all its threads so far, user and system.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = fs::read_to_string(&path).map_err(|it| format!("{path}: {it}"))?;
        // The second field is the name in parentheses and may hold blanks.
        let (_, fields) = stat.rsplit_once(')').ok_or("bad stat line")?;
        let ticks =
            fields.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<u64>().ok());
        Ok(Duration::from_millis(ticks.sum::<u64>() * MILLIS_PER_TICK))
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> Result<u64, String> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&path).map_err(|it| format!("{path}: {it}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| format!("{path} has no VmRSS"))
    }
}

/// Linux shows processor time in hundredths of a second, whatever its own clock does.
const MILLIS_PER_TICK: u64 = 10;

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn own_binary() -> Result<Command, String> {
    std::env::current_exe().map(Command::new).map_err(|it| it.to_string())
}

fn find_nginx() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join("nginx")).find(|file| file.is_file())
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|it| it.to_string())?;
    listener.local_addr().map(|it| it.port()).map_err(|it| it.to_string())
}

fn nginx_config(folder: &Path, port: u16, upstream: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
master_process off;
worker_processes 1;
error_log {folder}/error.log crit;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 16m;
  client_body_buffer_size 2m;
  keepalive_requests 1000000;
  tcp_nodelay on;
  upstream mock {{ server {upstream}; keepalive 512; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_buffering off;
    }}
  }}
}}
"
    )
}
