//! The command as its users meet it: arguments, exit codes, messages, files.

mod data;
mod help;
mod util;
