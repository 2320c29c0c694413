//! The public gateway's paths: `/NAME/rest?query` is `/rest?query` of component NAME.

use core::fmt;

use crate::id::is_name;

/// Splits a request target into the component and what the component sees, `None` when the first segment
/// cannot be a component's name.
///
/// ```
/// let (component, target) = node_core::route::gateway::split("/shop/cart?id=7").unwrap();
/// assert_eq!((component, target.to_string().as_str()), ("shop", "/cart?id=7"));
/// ```
#[must_use]
pub fn split(target: &str) -> Option<(&str, ComponentTarget<'_>)> {
    let path = target.strip_prefix('/')?;
    let (component, rest) = path.split_at(path.find(['/', '?']).unwrap_or(path.len()));
    is_name(component).then_some((component, ComponentTarget(rest)))
}

/// The request target that the component sees. It always begins with `/` when displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentTarget<'a>(&'a str);

impl fmt::Display for ComponentTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.starts_with('/') {
            f.write_str("/")?;
        }
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn first_segment_is_the_component() {
        for (target, component, rest) in [
            ("/shop/cart?id=7", "shop", "/cart?id=7"),
            ("/shop", "shop", "/"),
            ("/shop/", "shop", "/"),
            ("/shop?q=/a", "shop", "/?q=/a"),
            ("/shop//a/../b", "shop", "//a/../b"),
        ] {
            let (name, seen) = split(target).unwrap();
            assert_eq!((name, seen.to_string().as_str()), (component, rest), "{target}");
        }
    }

    #[test]
    fn what_is_no_name_is_no_component() {
        for target in ["", "/", "//a", "/?a", "shop/a", "/%73hop/a", "/a b", "*"] {
            assert_eq!(split(target), None, "{target}");
        }
    }
}
