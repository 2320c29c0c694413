//! Applications that run nodes in their process: methods, calls, topics.

mod calls;
mod nodes;
mod topics;
