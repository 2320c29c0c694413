//! Membership among real nodes in a deterministic network.

#[cfg(test)]
mod accusers;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod crowded;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod hello;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod leaves;
#[cfg(test)]
mod liars;
#[cfg(test)]
mod missed;
#[cfg(test)]
mod nowhere;
#[cfg(test)]
mod overlay;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod random;
#[cfg(test)]
mod reconciliation;
#[cfg(test)]
mod rekey;
#[cfg(test)]
mod replacing;
#[cfg(test)]
mod single;
#[cfg(test)]
mod told;
