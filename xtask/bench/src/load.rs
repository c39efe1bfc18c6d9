//! The load generator.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tokio::task::LocalSet;

use crate::check::{Asked, Checker, Expect};
use crate::pair::Wire;
use crate::request;
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
    /// Whose header fields are sent.
    #[arg(long, value_enum)]
    client: Wire,
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
    /// Milliseconds from the first connection's first request to the last one's.
    #[arg(long, default_value_t = 0)]
    ramp: u64,
    /// The protocol of the answers.
    #[arg(long, value_enum)]
    answer: Wire,
    /// Whether answers come whole.
    #[arg(long)]
    whole: bool,
    /// Deltas of a streamed answer.
    #[arg(long)]
    deltas: usize,
    /// What has to be right about them.
    #[arg(long, value_enum)]
    expect: Expect,
    /// Note when each delta comes, and check answers at the end, so that checking holds up nobody.
    #[arg(long)]
    watch: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let asked = Asked { wire: options.answer, stream: !options.whole, deltas: options.deltas };
    let work = Rc::new(Work {
        request: bytes(options)?,
        address: options.address.clone(),
        pause: Duration::from_micros(options.pause),
        watched: if options.watch { options.deltas } else { usize::from(!options.whole) },
        checker: Checker::new(options.expect, asked),
        left: Cell::new(options.requests),
        timings: RefCell::default(),
        unchecked: options.watch.then(RefCell::default),
        errors: RefCell::default(),
    });
    let start = Instant::now();
    let local = LocalSet::new();
    let ramp = Duration::from_millis(options.ramp);
    let connections = u32::try_from(options.connections)?;
    for nth in 0..connections {
        local.spawn_local(client(Rc::clone(&work), ramp * nth / connections));
    }
    crate::runtime()?.block_on(local);
    let seconds = start.elapsed().as_secs_f64();
    work.check_late();
    println!("{}", work.report(seconds));
    Ok(())
}

/// The request as it travels.
fn bytes(options: &Options) -> std::io::Result<Vec<u8>> {
    let body = std::fs::read(&options.body)?;
    let mut head = format!("POST {} HTTP/1.1\r\nhost: {}\r\n", options.path, options.address);
    for (name, value) in request::headers(options.client) {
        head.extend([&name, ": ", &value, "\r\n"]);
    }
    head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
    Ok([head.as_bytes(), &body].concat())
}

struct Work {
    request: Vec<u8>,
    address: String,
    pause: Duration,
    /// So many deltas of an answer are looked out for.
    watched: usize,
    checker: Checker,
    left: Cell<usize>,
    timings: RefCell<Vec<Timing>>,
    /// Answers that are checked at the end; `None` where each is checked when it is there.
    unchecked: Option<RefCell<Vec<Vec<u8>>>>,
    errors: RefCell<Vec<String>>,
}

async fn client(work: Rc<Work>, delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let (mut connection, mut body) = (None, Vec::new());
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
    let timing = open.exchange(&work.request, body, work.watched).await?;
    match &work.unchecked {
        Some(later) => later.borrow_mut().push(std::mem::take(body)),
        None => work.checker.check(body)?,
    }
    work.timings.borrow_mut().push(timing);
    Ok(())
}

impl Work {
    fn check_late(&self) {
        let Some(unchecked) = &self.unchecked else { return };
        for body in unchecked.borrow().iter() {
            if let Err(error) = self.checker.check(body) {
                self.errors.borrow_mut().push(error);
            }
        }
    }

    fn report(&self, seconds: f64) -> serde_json::Value {
        let (timings, errors) = (self.timings.borrow(), self.errors.borrow());
        let first = |it: &Timing| it.deltas.first().copied().unwrap_or(it.total);
        let firsts = sorted(timings.iter().map(first));
        let totals = sorted(timings.iter().map(|it| it.total));
        let gaps = |it: &Timing| {
            it.deltas.windows(2).map(|it| it[1].saturating_sub(it[0])).collect::<Vec<_>>()
        };
        let gaps = sorted(timings.iter().flat_map(gaps));
        json!({
            "answers": timings.len(),
            "errors": errors.len(),
            "error": errors.first(),
            "seconds": seconds,
            "first_p50_us": percentile(&firsts, 50),
            "first_p99_us": percentile(&firsts, 99),
            "total_p50_us": percentile(&totals, 50),
            "gap_p50_us": percentile(&gaps, 50),
            "gap_p99_us": percentile(&gaps, 99),
            "gap_max_us": percentile(&gaps, 100),
        })
    }
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<u128> {
    let mut times: Vec<_> = times.map(|it| it.as_micros()).collect();
    times.sort_unstable();
    times
}

fn percentile(sorted: &[u128], percent: usize) -> Option<u128> {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied()
}
