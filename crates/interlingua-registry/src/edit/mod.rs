//! Changes to the text of our own configuration file; whatever is not meant stays byte for byte.
//!
//! Each function takes a text and gives the changed one. None of them checks what the configuration
//! means: lay the result into the layers and [`check`](crate::check) it before it is written.
//!
//! ```
//! use interlingua_registry::edit::{self, ProviderDraft};
//!
//! let text = "# mine\n[providers.a]\nbase_url = \"http://localhost:1\"  # the old box\n";
//! let mut draft = ProviderDraft::new("b");
//! draft.base_url = Some("http://localhost:2".to_owned());
//! let added = edit::add_provider(text, &draft)?;
//! assert_eq!(added, format!("{text}\n[providers.b]\nbase_url = \"http://localhost:2\"\n"));
//! assert_eq!(edit::remove_provider(&added, "b")?, text);
//! # Ok::<(), edit::Refused>(())
//! ```

mod blocks;
mod draft;
mod fields;
mod masked;
mod names;
mod provider;
mod references;
mod root;
mod setting;
mod text;

pub use draft::{KeyDraft, ModelDraft, ProviderDraft};
pub use fields::{BadField, Field, is_key_header, looks_like_key};
pub use masked::masked;
pub use names::{remove_alias, set_alias, set_slots};
pub use provider::{
    add_model, add_provider, has_provider, remove_model, remove_provider, reorder_providers, set,
    unset,
};
pub use references::{Reference, drop_references, references};
pub use root::{set_default_model, set_expose_all_models};
pub use setting::Setting;
pub(crate) use text::edit;

/// Why a text cannot be changed as asked. Nothing is changed then.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// It is not TOML.
    #[error("the configuration is not TOML: {0}")]
    Toml(Box<toml_edit::TomlError>),
    /// Something is not written in a way that can be changed here.
    #[error("`{0}` is not written as a table; change it by hand")]
    Shape(String),
    /// The provider is there already.
    #[error("there is a provider `{0}` already; change it with `interlingua providers edit {0}`")]
    Taken(String),
    /// The file has no such thing.
    #[error("the file has no {what} `{name}`")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
}

impl Refused {
    fn unknown(what: &'static str, name: &str) -> Self {
        Self::Unknown { what, name: name.to_owned() }
    }
}

impl From<toml_edit::TomlError> for Refused {
    fn from(error: toml_edit::TomlError) -> Self {
        Self::Toml(Box::new(error))
    }
}
