//! Entries in a server that machines share.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use interlingua_reasoning::{Entry, Key, Mark, Pending, StoreError};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisError};

use crate::back::{Asked, Back, Kept, Seen, Space};
use crate::open::OpenError;
use crate::{Address, Bounds};

/// The longest that a connection takes to come about; nobody waits for it.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest that a connection is held up by one command. Whoever asked has gone on long before.
const COMMAND: Duration = Duration::from_secs(1);

/// Redis or Valkey.
///
/// A value is its mark and the entry behind it. What decides between two entries of a key is a script,
/// which the server runs in one step.
pub(crate) struct Redis {
    line: Arc<Line>,
    shown: String,
    ages: [i64; 2],
}

/// The way to the server.
struct Line {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Redis {
    /// Does not connect yet; [`reach`](Back::reach) does.
    pub(crate) fn new(address: &Address, bounds: [Bounds; 2]) -> Result<Self, OpenError> {
        // The client takes the process's own, and panics where there is none. One that is there is kept.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::open(address.expose());
        // The text of the error may hold the address.
        let client = client.map_err(|error| OpenError::Address(format!("{:?}", error.kind())))?;
        Ok(Self {
            line: Arc::new(Line { client, connection: Mutex::default() }),
            shown: address.to_string(),
            ages: bounds.map(Bounds::age_ms),
        })
    }

    fn age(&self, space: Space) -> i64 {
        self.ages[space as usize]
    }
}

impl Line {
    fn connection(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(COMMAND));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        *self.connection() = Some(connection.clone());
        Ok(connection)
    }

    /// Has commands run.
    ///
    /// A connection that broke while nobody used it says nothing about the server: the commands are
    /// sent once more on a new one. None of them does anything else the second time.
    async fn run<T: FromRedisValue>(&self, commands: Pipeline) -> Result<T, StoreError> {
        let Some(mut connection) = self.connection().clone() else { return Err(StoreError::Away) };
        let mut result = commands.query_async(&mut connection).await;
        if let Err(error) = &result
            && error.is_unrecoverable_error()
        {
            result = match self.connect().await {
                Ok(mut connection) => commands.query_async(&mut connection).await,
                Err(error) => Err(error),
            };
        }
        result.map_err(|error| failed(&error))
    }
}

impl Back for Redis {
    fn name(&self) -> String {
        self.shown.clone()
    }

    fn look(&self, space: Space, asked: Vec<Asked>) -> Pending<'static, Vec<Seen>> {
        let (line, age) = (Arc::clone(&self.line), self.age(space));
        Box::pin(async move {
            let mut commands = Pipeline::with_capacity(2 * asked.len());
            for Asked { key, known } in &asked {
                let name = name(space, *key);
                match known {
                    // The mark is all that is wanted.
                    Some(_) => commands.cmd("GETRANGE").arg(&name).arg(0).arg(Mark::LEN - 1),
                    None => commands.cmd("GET").arg(&name),
                };
                commands.cmd("PEXPIRE").arg(&name).arg(age).ignore();
            }
            let values: Vec<Option<Vec<u8>>> = line.run(commands).await?;
            let seen =
                asked.iter().zip(&values).map(|(it, value)| seen(it.known, value.as_deref()));
            Ok(seen.collect())
        })
    }

    fn put(&self, space: Space, key: Key, entry: Entry) -> Pending<'static, Kept> {
        let mut value = entry.mark.as_bytes().to_vec();
        value.extend_from_slice(&entry.bytes);
        let mut commands = Pipeline::new();
        commands.cmd("EVAL").arg(PUT).arg(1).arg(name(space, key)).arg(self.age(space)).arg(value);
        let line = Arc::clone(&self.line);
        Box::pin(async move {
            let (kept,): (bool,) = line.run(commands).await?;
            Ok(if kept { Kept::Kept } else { Kept::Spoilt })
        })
    }

    fn remove(&self, space: Space, key: Key) -> Pending<'static, bool> {
        let mut commands = Pipeline::new();
        commands.cmd("EVAL").arg(REMOVE).arg(1).arg(name(space, key)).arg(self.age(space));
        let line = Arc::clone(&self.line);
        Box::pin(async move {
            let (was_there,): (bool,) = line.run(commands).await?;
            Ok(was_there)
        })
    }

    fn reach(&self) -> Pending<'static, ()> {
        let line = Arc::clone(&self.line);
        Box::pin(async move {
            if line.connection().is_some() {
                return Ok(());
            }
            line.connect().await.map(drop).map_err(|error| failed(&error))
        })
    }

    fn probe(&self) -> Pending<'static, ()> {
        let mut commands = Pipeline::new();
        commands.cmd("SET").arg(PROBE).arg(1).arg("PX").arg(1000).ignore();
        let line = Arc::clone(&self.line);
        Box::pin(async move { line.run(commands).await })
    }

    fn let_go(&self) {
        *self.line.connection() = None;
    }

    fn size(&self, _: Space) -> Option<(u64, u64)> {
        None
    }
}

/// Shows no password: the client knows it.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({})", self.shown)
    }
}

/// Under which name an entry stands in the server.
fn name(space: Space, key: Key) -> String {
    match space {
        Space::Thoughts => format!("interlingua:thought:{key}"),
        Space::Responses => format!("interlingua:response:{key}"),
    }
}

/// Whether a server can be written to is seen by writing this.
const PROBE: &str = "interlingua:probe";

fn seen(known: Option<Mark>, value: Option<&[u8]>) -> Seen {
    let Some((mark, bytes)) = value.and_then(<[u8]>::split_first_chunk) else {
        return Seen::Nothing;
    };
    let mark = Mark::new(*mark);
    match known {
        Some(known) if known == mark => Seen::Known,
        _ if mark == Mark::SPOILT => Seen::Spoilt,
        Some(_) => Seen::Other,
        None => Seen::Entry(Entry { mark, bytes: bytes.to_vec().into() }),
    }
}

fn failed(error: &RedisError) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// Keeps a value, or spoils the one that is there if it has another mark.
const PUT: &str = "
local key, age, value = KEYS[1], ARGV[1], ARGV[2]
local spoilt = string.rep('\\0', 16)
local there, mark = redis.call('GETRANGE', key, 0, 15), string.sub(value, 1, 16)
if there == '' then
    redis.call('SET', key, value, 'PX', age)
elseif there == mark then
    redis.call('PEXPIRE', key, age)
else
    redis.call('SET', key, spoilt, 'PX', age)
    return 0
end
if mark == spoilt then return 0 else return 1 end";

/// Spoils what is there, and tells whether it could be found before.
const REMOVE: &str = "
local key, age = KEYS[1], ARGV[1]
local spoilt = string.rep('\\0', 16)
local there = redis.call('GETRANGE', key, 0, 15)
redis.call('SET', key, spoilt, 'PX', age)
if there == '' or there == spoilt then return 0 else return 1 end";
