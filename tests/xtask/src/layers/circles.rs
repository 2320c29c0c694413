//! Circles of imports.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::is_in;
use super::resolve::Uses;

/// The circles that files of these rooms are in: for each file the shortest.
pub fn of_files(uses: &Uses, rooms: &[String]) -> Vec<String> {
    let mut arrows = Arrows::default();
    for file in uses.files() {
        for (other, names) in uses.from(file) {
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            arrows.add(file, other, names.join(", "));
        }
    }
    arrows.circles(|file| rooms.iter().any(|room| is_in(file, room)))
}

/// The circles that lead from one of these rooms to another and back, though no file be in one.
pub fn of_rooms(uses: &Uses, rooms: &[String]) -> Vec<String> {
    let room = |file| rooms.iter().find(|room| !room.is_empty() && is_in(file, room));
    let mut arrows = Arrows::default();
    for file in uses.files() {
        for (other, names) in uses.from(file) {
            let (Some(from), Some(to)) = (room(file), room(other)) else { continue };
            let Some(name) = names.first() else { continue };
            if from != to {
                arrows.add(from, to, format!("{file} names {name}"));
            }
        }
    }
    arrows.circles(|_| true)
}

/// Arrows between points, each with its reason.
#[derive(Default)]
struct Arrows<'a>(BTreeMap<&'a str, BTreeMap<&'a str, String>>);

impl<'a> Arrows<'a> {
    /// The first reason is kept.
    fn add(&mut self, from: &'a str, to: &'a str, why: String) {
        self.0.entry(from).or_default().entry(to).or_insert(why);
    }

    /// The shortest circle through each point that matters; each circle once.
    fn circles(&self, matters: impl Fn(&str) -> bool) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for point in self.0.keys().filter(|point| matters(point)) {
            let Some(circle) = self.shortest(point) else { continue };
            if seen.insert(circle.iter().copied().collect::<BTreeSet<&str>>()) {
                circles.push(circle);
            }
        }
        circles.sort_by_key(Vec::len);
        circles.iter().map(|circle| self.text(circle)).collect()
    }

    /// The shortest way from a point back to it, without its end.
    fn shortest(&self, start: &'a str) -> Option<Vec<&'a str>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(point) = queue.pop_front() {
            for next in self.0.get(point).into_iter().flat_map(BTreeMap::keys).copied() {
                if next == start {
                    let mut way = vec![point];
                    while let Some(point) = way.last().and_then(|point| before.get(point)) {
                        way.push(point);
                    }
                    way.reverse();
                    return Some(way);
                }
                if !before.contains_key(next) {
                    before.insert(next, point);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    fn text(&self, circle: &[&str]) -> String {
        let mut text = String::from("circle:");
        for (from, to) in circle.iter().zip(circle.iter().cycle().skip(1)) {
            let why = self.0.get(from).and_then(|arrows| arrows.get(to)).map_or("", |why| why);
            text += &format!(" {from} -> {to} ({why});");
        }
        text.trim_end_matches(';').to_owned()
    }
}
