//! NATS's notation of maps as YAML. NATS separates the entries of a map by the end of the line, and needs no colon before a map; YAML
//! wants commas and colons there.

/// The text with these commas and colons, each at the place where it belongs, so that lines keep their numbers.
pub fn to_yaml(text: &str) -> String {
    let mut yaml = String::with_capacity(text.len() + text.len() / 16);
    let mut chars = text.chars().peekable();
    // The last character that is neither blank nor comment, and where it ends.
    let (mut last, mut end) = (None, 0);
    let mut depth = 0_usize;
    while let Some(c) = chars.next() {
        let starts_word = yaml.ends_with(|c: char| c.is_whitespace()) || yaml.is_empty();
        match c {
            '#' | '/' if starts_word && (c == '#' || chars.peek() == Some(&'/')) => {
                yaml.push('#');
                while let Some(c) = chars.next_if(|c| *c != '\n') {
                    yaml.push(c);
                }
                continue;
            }
            '"' | '\'' => {
                separate(&mut yaml, depth, last, end, c);
                yaml.push(c);
                let mut escaped = false;
                for inner in chars.by_ref() {
                    yaml.push(inner);
                    if inner == c && !escaped {
                        break;
                    }
                    escaped = c == '"' && inner == '\\' && !escaped;
                }
            }
            '{' | '[' => {
                separate(&mut yaml, depth, last, end, c);
                let after_name = last.is_some_and(|last: char| last.is_alphanumeric() || last == '_');
                if after_name && is_same_line(&yaml, end) {
                    yaml.insert(end, ':');
                }
                yaml.push(c);
                depth += 1;
            }
            '}' | ']' => {
                yaml.push(c);
                depth = depth.saturating_sub(1);
            }
            c if c.is_whitespace() => {
                yaml.push(c);
                continue;
            }
            c => {
                separate(&mut yaml, depth, last, end, c);
                yaml.push(c);
            }
        }
        (last, end) = (Some(c), yaml.len());
    }
    yaml
}

/// Puts a comma behind an entry of a map or list that the end of the line ended, when `next` begins another one.
fn separate(yaml: &mut String, depth: usize, last: Option<char>, end: usize, next: char) {
    let ends = last.is_some_and(|last| !"{[,:".contains(last));
    if depth > 0 && ends && !",:".contains(next) && !is_same_line(yaml, end) {
        yaml.insert(end, ',');
    }
}

fn is_same_line(yaml: &str, end: usize) -> bool {
    yaml.get(end..).is_some_and(|between| !between.contains('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_document_become_yaml() {
        for (nats, yaml) in [
            (
                "tls: {\n  cert_file: \"./a.pem\"\n  key_file: ./k.pem\n}\n",
                "tls: {\n  cert_file: \"./a.pem\",\n  key_file: ./k.pem\n}\n",
            ),
            ("tls {\n    a: 1\n\n    b: \"300ms\"\n}", "tls: {\n    a: 1,\n\n    b: \"300ms\"\n}"),
            ("tls {}\nallow_non_tls: true\n", "tls: {}\nallow_non_tls: true\n"),
            (
                "tls: {\n  # x, {\n  a: 0.0001 # y\n  b: true // z\n}",
                "tls: {\n  # x, {\n  a: 0.0001, # y\n  b: true #/ z\n}",
            ),
            ("a: [\n  \"x\"\n  \"y}\\\"\"\n]", "a: [\n  \"x\",\n  \"y}\\\"\"\n]"),
            (
                "t {\n c [\n  {x: 1}\n  {x: 2}\n ]\n d: 1\n}",
                "t: {\n c: [\n  {x: 1},\n  {x: 2}\n ],\n d: 1\n}",
            ),
            ("a: {b: http://h//x,\n c: 1}", "a: {b: http://h//x,\n c: 1}"),
            ("cluster {\n tls: {}\n}", "cluster: {\n tls: {}\n}"),
        ] {
            assert_eq!(to_yaml(nats), yaml);
        }
    }
}
