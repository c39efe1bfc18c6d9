//! The plan of the house, as data.

/// Crates without sockets, files, clock, environment, processes or runtime, however indirectly.
pub(super) const SANS_IO: [&str; 9] = [
    "interlingua-clients",
    "interlingua-codex-integration",
    "interlingua-dialect",
    "interlingua-ir",
    "interlingua-probe",
    "interlingua-protocol",
    "interlingua-reasoning",
    "interlingua-registry",
    "interlingua-translate",
];

/// The files of those crates that may open doors; each is behind the feature `fs`.
pub(super) const DOORKEEPERS: [(&str, &str); 3] = [
    // The only writer of files, so that nothing is ever half written.
    ("interlingua-registry", "src/files.rs"),
    ("interlingua-registry", "src/foreign/carry.rs"),
    ("interlingua-registry", "src/load.rs"),
];

/// Crates of others that bring I/O or a runtime with them.
pub(super) const IO: [&str; 12] = [
    "async-std",
    "curl",
    "hyper",
    "mio",
    "notify",
    "redis",
    "reqwest",
    "rusqlite",
    "smol",
    "socket2",
    "tokio",
    "ureq",
];

/// Modules of the standard library that lead outside.
pub(super) const DOORS: [&str; 5] = ["env", "fs", "os", "process", "thread"];

/// Clocks, and sockets: the rest of `std::net` is plain data.
pub(super) const HANDLES: [&str; 6] =
    ["Instant::now", "SystemTime::now", "TcpListener", "TcpStream", "ToSocketAddrs", "UdpSocket"];

/// Which of our crates a crate may stand on. A crate that is not here is not planned.
pub(super) const ARROWS: [(&str, &[&str]); 18] = [
    ("interlingua-protocol", &[]),
    ("interlingua-ir", &[]),
    ("interlingua-dialect", &["interlingua-ir"]),
    ("interlingua-translate", &["interlingua-dialect", "interlingua-ir", "interlingua-protocol"]),
    ("interlingua-reasoning", &["interlingua-ir"]),
    (
        "interlingua-probe",
        &["interlingua-dialect", "interlingua-ir", "interlingua-protocol", "interlingua-translate"],
    ),
    ("interlingua-registry", &["interlingua-dialect", "interlingua-ir"]),
    ("interlingua-store", &["interlingua-ir", "interlingua-reasoning"]),
    ("interlingua-codex-integration", &["interlingua-dialect", "interlingua-registry"]),
    ("interlingua-clients", &["interlingua-dialect", "interlingua-registry"]),
    ("interlingua-upstream", &["interlingua-dialect", "interlingua-ir", "interlingua-registry"]),
    (
        "interlingua-gateway",
        &[
            "interlingua-codex-integration",
            "interlingua-dialect",
            "interlingua-ir",
            "interlingua-protocol",
            "interlingua-reasoning",
            "interlingua-registry",
            "interlingua-store",
            "interlingua-translate",
            "interlingua-upstream",
        ],
    ),
    (
        "interlingua",
        &[
            "interlingua-dialect",
            "interlingua-ir",
            "interlingua-protocol",
            "interlingua-reasoning",
            "interlingua-registry",
            "interlingua-translate",
        ],
    ),
    ("interlingua-testkit", &["interlingua-ir", "interlingua-protocol"]),
    (
        "interlingua-proxy",
        &[
            "interlingua-clients",
            "interlingua-codex-integration",
            "interlingua-dialect",
            "interlingua-gateway",
            "interlingua-ir",
            "interlingua-reasoning",
            "interlingua-registry",
            "interlingua-store",
            "interlingua-upstream",
        ],
    ),
    (
        "interlingua-cli",
        &[
            "interlingua-clients",
            "interlingua-codex-integration",
            "interlingua-dialect",
            "interlingua-ir",
            "interlingua-probe",
            "interlingua-proxy",
            "interlingua-registry",
            "interlingua-upstream",
        ],
    ),
    ("xtask", &[]),
    ("xtask-bench", &[]),
];

/// Crates whose modules must not know each other.
pub(super) const PEERS: [(&str, &[&str]); 2] = [
    ("interlingua-protocol", &["chat", "messages", "responses"]),
    ("interlingua-translate", &["chat", "messages", "responses"]),
];

/// How such a module would name another; deeper modules may share a neighbour's name.
pub(super) const ROOTS: [&str; 3] = ["crate::", "super::super::", "interlingua_protocol::"];

/// Names that stand in data, never in code.
pub(super) const VENDORS: [&str; 12] = [
    "anthropic",
    "deepseek",
    "gemini",
    "groq",
    "mimo",
    "minimax",
    "mistral",
    "moonshot",
    "ollama",
    "openrouter",
    "qwen",
    "vllm",
];

/// Words of the wire that hold a vendor's name; whoever reads the wire has to spell them.
pub(super) const WIRE_WORDS: [&str; 3] =
    ["x-anthropic-billing-header", "x_groq", "anthropic-version"];

/// Where vendors may be named: the data itself, and tests.
pub(super) const NAMED: [(&str, &str); 6] = [
    // A client is set up by its own words, and some bear a vendor's name.
    ("interlingua-clients", "src/"),
    ("interlingua-dialect", "src/"),
    ("interlingua-registry", "src/preset"),
    ("interlingua-testkit", ""),
    ("xtask", "src/e2e/"),
    ("xtask", "src/tidy/"),
];

/// Most lines of one file. Half of it is the moment to ask oneself.
pub(super) const LINES: usize = 1000;

/// What lies at the top, and nothing else.
pub(super) const TOP: [&str; 26] = [
    ".cargo",
    ".ci",
    ".config",
    ".git",
    ".gitattributes",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "bins",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "fixtures",
    "node_modules",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "target",
    "xtask",
];
