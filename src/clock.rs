//! stub until merged
use palio_domain::UnixMs;
pub trait Clock: Send + Sync {
    fn now(&self) -> UnixMs;
}
