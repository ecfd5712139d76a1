//! Reports: what people and other tools read. Pure: nouns in, text out.

pub mod lcov;
