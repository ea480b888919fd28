//! The command as its users meet it: arguments, exit codes, messages, files.

mod check;
mod compare;
mod data;
mod demo;
mod documents;
mod fit;
mod help;
mod readme;
mod recover;
mod surrogate;
mod tables;
mod train;
mod util;
