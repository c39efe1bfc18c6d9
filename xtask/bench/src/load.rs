//! The load generator.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tokio::task::LocalSet;

use crate::check::{Checker, Expect};
use crate::response::{Connection, Timing};

/// What to send, and where to.
#[derive(Args)]
pub(crate) struct Options {
    /// Address and port.
    #[arg(long)]
    address: String,
    /// The path that is posted to.
    #[arg(long)]
    path: String,
    /// The file with the request's body.
    #[arg(long)]
    body: PathBuf,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests over all connections.
    #[arg(long)]
    requests: usize,
    /// Microseconds between an answer and the next request of a connection.
    #[arg(long, default_value_t = 0)]
    pause: u64,
    /// The right answer.
    #[arg(long, value_enum)]
    expect: Expect,
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let body = std::fs::read(&options.body)?;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nuser-agent: codex_exec/0.169.0\r\noriginator: codex_exec\r\n\
         accept: text/event-stream\r\ncontent-type: application/json\r\nauthorization: Bearer \
         interlingua-local\r\ncontent-length: {}\r\n\r\n",
        options.path,
        options.address,
        body.len()
    );
    let work = Rc::new(Work {
        request: [head.as_bytes(), &body].concat(),
        address: options.address.clone(),
        pause: Duration::from_micros(options.pause),
        checker: Checker::new(options.expect),
        left: Cell::new(options.requests),
        timings: RefCell::default(),
        errors: RefCell::default(),
    });
    let start = Instant::now();
    let local = LocalSet::new();
    for _ in 0..options.connections {
        local.spawn_local(client(Rc::clone(&work)));
    }
    crate::runtime()?.block_on(local);
    let seconds = start.elapsed().as_secs_f64();
    let (timings, errors) = (work.timings.borrow(), work.errors.borrow());
    let report = json!({
        "answers": timings.len(),
        "errors": errors.len(),
        "error": errors.first(),
        "seconds": seconds,
        "first_p50_us": percentile(&timings, 50, |it| it.first),
        "first_p99_us": percentile(&timings, 99, |it| it.first),
        "total_p50_us": percentile(&timings, 50, |it| it.total),
    });
    println!("{report}");
    Ok(())
}

struct Work {
    request: Vec<u8>,
    address: String,
    pause: Duration,
    checker: Checker,
    left: Cell<usize>,
    timings: RefCell<Vec<Timing>>,
    errors: RefCell<Vec<String>>,
}

async fn client(work: Rc<Work>) {
    let mut connection = None;
    let mut body = Vec::new();
    while let Some(left) = work.left.get().checked_sub(1) {
        work.left.set(left);
        if let Err(error) = once(&work, &mut connection, &mut body).await {
            work.errors.borrow_mut().push(error);
            connection = None;
        }
        if !work.pause.is_zero() {
            tokio::time::sleep(work.pause).await;
        }
    }
}

async fn once(
    work: &Work,
    connection: &mut Option<Connection>,
    body: &mut Vec<u8>,
) -> Result<(), String> {
    let open = match connection {
        Some(open) => open,
        None => connection.insert(Connection::open(&work.address).await?),
    };
    let timing = open.exchange(&work.request, body).await?;
    work.checker.check(body)?;
    work.timings.borrow_mut().push(timing);
    Ok(())
}

fn percentile(all: &[Timing], percent: usize, of: impl Fn(&Timing) -> Duration) -> Option<u128> {
    let mut times: Vec<_> = all.iter().map(|it| of(it).as_micros()).collect();
    times.sort_unstable();
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied()
}
