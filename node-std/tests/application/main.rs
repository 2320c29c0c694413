//! Applications that run nodes in their process: methods, calls, topics.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod topics;
