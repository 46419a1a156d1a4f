//! Pods of the stand-in application that Holdfast puts beside the releases: they ask, log in and write as clients do.

mod asker;
mod client;
mod tool;
mod writer;
