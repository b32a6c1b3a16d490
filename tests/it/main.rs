//! Integration tests, as one binary.

mod storage;
