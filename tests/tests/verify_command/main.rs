//! A program of the operator's has the last word about each peer of a real daemon, whatever the program does.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod links;
#[cfg(test)]
mod program;
