//! What a component is sent, and what a client is answered, does not depend on where the component is: the same requests are
//! played to a component on the node of the gateway and to one behind a link.

mod forwarded;
mod http2;
mod limits;
mod play;
mod requests;
mod responses;
