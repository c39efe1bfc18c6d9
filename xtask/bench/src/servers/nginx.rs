//! A relay that others trust, as a second yardstick.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{NGINX, PATIENCE, POLL, Server};

impl Server {
    /// nginx as a relay without buffering; `None` when it is not installed.
    pub(crate) fn nginx(folder: &Path, upstream: &str) -> Result<Option<Self>, String> {
        let Some(binary) = find() else { return Ok(None) };
        let folder = folder.join("nginx");
        fs::create_dir_all(&folder).map_err(|it| it.to_string())?;
        let port = free_port()?;
        let file = folder.join("nginx.conf");
        fs::write(&file, config(&folder, port, upstream)).map_err(|it| it.to_string())?;
        let child = Command::new(binary)
            .args(["-p".as_ref(), folder.as_os_str(), "-c".as_ref(), file.as_os_str()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|it| format!("nginx: {it}"))?;
        let address = format!("127.0.0.1:{port}");
        let server = Self { name: NGINX, address, ready: None, child };
        let start = Instant::now();
        while TcpStream::connect(&server.address).is_err() {
            if start.elapsed() > PATIENCE {
                return Err("nginx does not listen".into());
            }
            std::thread::sleep(POLL);
        }
        Ok(Some(server))
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join("nginx")).find(|file| file.is_file())
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|it| it.to_string())?;
    listener.local_addr().map(|it| it.port()).map_err(|it| it.to_string())
}

fn config(folder: &Path, port: u16, upstream: &str) -> String {
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
