use std::collections::BTreeMap;

use crate::shape::{block, closed_enum};

block! {
    /// Where the upstream is and how it wants to be asked.
    pub struct Endpoint {
        /// Known addresses; the first is the usual one.
        pub base_urls: Vec<BaseUrl>,
        /// What follows the base address.
        pub path: String,
        /// How the key is shown.
        pub auth: Auth,
        /// Headers to send with every request.
        pub headers: BTreeMap<String, String>,
        /// A native Responses endpoint of the same vendor.
        pub responses_url: Option<String>,
        /// A native Messages endpoint of the same vendor.
        pub messages_url: Option<String>,
        /// Headers of a client of the same protocol that go on with its request.
        pub forward_headers: Vec<String>,
        /// Where the upstream counts the tokens of a prompt, as `path` is given; none if it does not.
        pub count_tokens_path: Option<String>,
    }
}

block! {
    /// One known address. Parts in braces are for the user to fill in.
    pub struct BaseUrl {
        /// The address, without a slash at the end.
        pub url: String,
        /// What one pays for there.
        pub plan: Option<Plan>,
        /// Where it is.
        pub region: Option<String>,
        /// How keys for it begin.
        pub key_prefix: Option<String>,
        /// The host, or `host:port`, by which a pasted address is recognised; `*` is any text.
        pub host_match as "match": Option<String>,
    }
}

block! {
    /// How the key is shown.
    pub struct Auth {
        /// The way.
        pub scheme: AuthScheme,
        /// The name of the header or query parameter, where the scheme needs one.
        pub name: Option<String>,
    }
}

closed_enum! {
    /// What one pays for at an address.
    pub enum Plan {
        /// Pay as you go.
        Payg = "payg",
        /// A package of tokens.
        TokenPlan = "token_plan",
        /// A subscription for coding agents.
        CodingPlan = "coding_plan",
        /// The vendor's preview features.
        Beta = "beta",
        /// One's own machine.
        Local = "local",
        /// Somebody who resells others.
        Gateway = "gateway",
    }
}

closed_enum! {
    /// The way in which a key is shown.
    pub enum AuthScheme {
        /// `Authorization: Bearer`
        Bearer = "bearer",
        /// A header of its own.
        Header = "header",
        /// A query parameter.
        Query = "query",
        /// Not at all.
        None = "none",
    }
}
