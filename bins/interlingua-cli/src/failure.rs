//! Why a command failed: a text for people, a code for scripts.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use interlingua_ir::{Class, Fault};
use interlingua_proxy::{StartError, exit_code};
use interlingua_registry::foreign::ApplyError;

use crate::output;

/// What was looked at is not as it should be.
const GENERAL: u8 = 1;

/// An argument is well formed, but names what is not there or what is there already.
const BAD_ARGUMENT: u8 = 64;

/// A file of somebody else is not what it has to be.
const BAD_DATA: u8 = 65;

/// What is asked does not answer.
const UNAVAILABLE: u8 = 69;

/// A file cannot be read or written.
const FILE: u8 = 74;

/// Another is at work; trying again helps.
const BUSY: u8 = 75;

/// A provider answers something that it should not.
const PROTOCOL: u8 = 76;

/// A provider does not take its key.
const PERMISSION: u8 = 77;

/// The configuration is wrong.
const CONFIG: u8 = 78;

/// What a shell shows for a program that is not there.
const NO_PROGRAM: u8 = 127;

/// What a shell shows for a program that writes into a pipe without a reader.
const BROKEN_PIPE: u8 = 141;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    code: ExitCode,
    /// Empty where a message would help nobody.
    message: String,
}

impl Failure {
    fn new(code: u8, message: impl Display) -> Self {
        Self { code: code.into(), message: message.to_string() }
    }

    /// Something that was looked at is not as it should be.
    pub(crate) fn general(message: impl Display) -> Self {
        Self::new(GENERAL, message)
    }

    /// An argument that cannot be meant.
    pub(crate) fn argument(message: impl Display) -> Self {
        Self::new(BAD_ARGUMENT, message)
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::new(FILE, format!("{}: {error}", path.display()))
    }

    /// Something that should answer and does not.
    pub(crate) fn unavailable(message: impl Display) -> Self {
        Self::new(UNAVAILABLE, message)
    }

    /// What was found has been told already.
    pub(crate) fn silent() -> Self {
        Self::new(1, "")
    }

    /// A provider that does not do what it is asked.
    pub(crate) fn provider(fault: &Fault) -> Self {
        let code = match fault.class {
            Class::Auth | Class::Quota => PERMISSION,
            Class::Unreachable
            | Class::Timeout
            | Class::Interrupted
            | Class::Overloaded
            | Class::RateLimit => UNAVAILABLE,
            _ => PROTOCOL,
        };
        Self::new(code, fault)
    }

    /// A configuration that cannot be used.
    pub(crate) fn config(message: impl Display) -> Self {
        Self::new(CONFIG, message)
    }

    /// A program that is wanted and not there.
    pub(crate) fn no_program(message: impl Display) -> Self {
        Self::new(NO_PROGRAM, message)
    }

    /// What another program came to, which has said so itself.
    pub(crate) fn passed_on(code: u8) -> Self {
        Self::new(code, "")
    }

    /// Output that cannot be written. Whoever closed the pipe wants to hear no more.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(BROKEN_PIPE, ""),
            _ => Self::new(FILE, format!("the output cannot be written: {error}")),
        }
    }

    /// The same failure with what may help.
    pub(crate) fn hint(mut self, hint: &str) -> Self {
        self.message.push_str("\nhint: ");
        self.message.push_str(hint);
        self
    }

    /// Tells the person, and gives the code for the script.
    pub(crate) fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            output::say(&format!("error: {}", self.message));
        }
        self.code
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self { code: exit_code(&error), message: error.to_string() }
    }
}

impl<E: Error> From<ApplyError<E>> for Failure {
    fn from(error: ApplyError<E>) -> Self {
        let code = match &error {
            ApplyError::Busy | ApplyError::Meanwhile { .. } => BUSY,
            ApplyError::Edit { .. } => BAD_DATA,
            ApplyError::Path { .. } => BAD_ARGUMENT,
            _ => FILE,
        };
        Self::new(code, error)
    }
}
