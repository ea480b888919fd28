//! The free-running network: responses, and states streamed to observers.

mod responses;

pub use responses::Responses;
