//! Membership among real nodes in a deterministic network.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod confirmers;
#[cfg(test)]
mod duplicates;
#[cfg(test)]
mod eager_push;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod false_records;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod full_hub;
#[cfg(test)]
mod hello;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod leaf_feed;
#[cfg(test)]
mod leaves;
#[cfg(test)]
mod liars;
#[cfg(test)]
mod links;
#[cfg(test)]
mod local_health;
#[cfg(test)]
mod nowhere;
#[cfg(test)]
mod overlay;
#[cfg(test)]
mod random;
#[cfg(test)]
mod reconciliation;
#[cfg(test)]
mod reconnect_grace;
#[cfg(test)]
mod refutation;
#[cfg(test)]
mod rekey;
#[cfg(test)]
mod removal;
#[cfg(test)]
mod replacement;
#[cfg(test)]
mod sleep;
#[cfg(test)]
mod suspicion;
#[cfg(test)]
mod unverified;
