//! The states in which a power loss may leave a disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::effect::{Change, Effect, Persistent};
use super::model::{Data, Model, Names};
use super::tree::{Ino, Name, ROOT, Tree};
use tandem_host::disk::Kind;

/// How many states are visited before they are drawn at random instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Choices of names.
    pub names_max: usize,
    /// Choices of names and contents together.
    pub states_max: usize,
}

impl Default for Limits {
    /// Enough for every state after a handful of changes.
    fn default() -> Self {
        Limits { names_max: 1 << 18, states_max: 1 << 20 }
    }
}

/// Tells of a file's name the target that it is scratch for, if it is scratch: a file that nobody
/// reads after a crash, such as one that was to be renamed over its target. States that differ only
/// inside such files, or in which of a target's there are, count as one.
pub type Scratch = fn(&str) -> Option<&str>;

/// Units of a file up to which every subset of them is tried.
const UNITS_MAX: usize = 6;

/// A choice for every name that a choice above leads to.
type Bindings = Vec<(Ino, Name, Option<Ino>)>;

/// A choice of names, and the files whose data is on the disk with it: that older than an effect.
type Choice = (Bindings, Vec<(Ino, usize)>);

/// What one name may show: what is durable, then each later change.
struct Slot {
    dir: Ino,
    name: Name,
    shows: Vec<Option<Ino>>,
}

/// Calls `visit` with every state that `model` allows, or with a choice of them if there are more
/// than `limits`. Tells whether it were all. States that differ only inside `scratch` are one.
pub(crate) fn each_state(
    persistent: &Persistent,
    model: &Model,
    limits: Limits,
    scratch: Scratch,
    random: &mut fastrand::Rng,
    visit: &mut dyn FnMut(Tree),
) -> bool {
    let (choices, mut is_complete) = match model.names {
        Names::InOrder => (in_order(persistent), true),
        Names::Any => any(persistent, limits.names_max, scratch, random),
    };
    let contents_max = (limits.states_max / choices.len()).max(2);
    for (bindings, flushed) in choices {
        let mut tree = persistent.durable.clone();
        for (dir, name, to) in &bindings {
            tree.bind(*dir, name, *to);
        }
        tree.collect();
        let mut files: BTreeSet<Ino> = BTreeSet::new();
        for (path, ino) in tree.walk() {
            let is_scratch = path.split('/').any(|step| scratch(step).is_some());
            if !is_scratch && persistent.has_pending_data(ino) {
                files.insert(ino);
            }
        }
        let mut contents_of: Vec<(Ino, Vec<Arc<Vec<u8>>>)> = Vec::new();
        for ino in files {
            let choices = match flushed.iter().find(|(of, _)| *of == ino) {
                Some((_, before)) => vec![content_before(persistent, ino, *before, false)],
                None => {
                    let (choices, are_all) = contents(persistent, model, ino, random);
                    is_complete &= are_all;
                    choices
                }
            };
            contents_of.push((ino, choices));
        }
        is_complete &= each_content(&tree, &contents_of, contents_max, random, visit);
    }
    is_complete
}

/// The states of a journal: all changes of names up to some point. With each, the files whose data
/// is on the disk by then.
fn in_order(persistent: &Persistent) -> Vec<Choice> {
    let (mut bindings, mut flushed) = (Bindings::new(), Vec::new());
    let mut states = vec![(bindings.clone(), Vec::new())];
    for (at, effect) in persistent.pending.iter().enumerate() {
        let Change::Name { dir, name, to, flushes, is_tied, .. } = &effect.change else { continue };
        bindings.push((*dir, name.clone(), *to));
        flushed.extend(flushes.map(|ino| (ino, at)));
        if !is_tied {
            states.push((bindings.clone(), flushed.clone()));
        }
    }
    states
}

/// Every combination of what names may show, as far as directories lead to them.
fn any(
    persistent: &Persistent,
    count_max: usize,
    scratch: Scratch,
    random: &mut fastrand::Rng,
) -> (Vec<Choice>, bool) {
    let mut slots: BTreeMap<Ino, BTreeMap<Name, Vec<Option<Ino>>>> = BTreeMap::new();
    for effect in &persistent.pending {
        let Change::Name { dir, name, to, .. } = &effect.change else { continue };
        let durable = || {
            let entries = persistent.durable.entries(*dir).ok();
            vec![entries.and_then(|entries| entries.get(name)).copied()]
        };
        let shows = slots.entry(*dir).or_default().entry(name.clone()).or_insert_with(durable);
        if !shows.contains(to) {
            shows.push(*to);
        }
    }
    let slots: BTreeMap<Ino, BTreeMap<Name, Slot>> = slots
        .into_iter()
        .map(|(dir, names)| {
            let slot = |(name, shows): (Name, _)| (name.clone(), Slot { dir, name, shows });
            (dir, names.into_iter().map(slot).collect())
        })
        .collect();
    let mut found = Vec::new();
    let todo = reached(persistent, &slots, ROOT);
    let moved = moved(persistent, &slots);
    let search = Search { persistent, slots: &slots, moved, scratch, count_max };
    let is_complete = search.expand(todo.clone(), &mut Vec::new(), &mut found);
    if !is_complete {
        found.clear();
        for _ in 0..count_max.saturating_mul(DRAWS_MAX) {
            if found.len() == count_max {
                break;
            }
            found.extend(search.draw(todo.clone(), random));
        }
        if found.is_empty() {
            // What is durable may always be all that there is.
            found.push(Bindings::new());
        }
    }
    (found.into_iter().map(|bindings| (bindings, Vec::new())).collect(), is_complete)
}

/// How often names are drawn for one choice that can be.
const DRAWS_MAX: usize = 16;

/// A directory that was renamed, and whose rename is not durable. It has one name: the old one or
/// the new one.
struct Moved {
    ino: Ino,
    /// The names that may show it.
    slots: Vec<(Ino, Name)>,
    /// Whether it may have none, because its creation or its removal is not durable either.
    may_be_absent: bool,
}

fn moved(persistent: &Persistent, slots: &BTreeMap<Ino, BTreeMap<Name, Slot>>) -> Vec<Moved> {
    let mut found: BTreeMap<Ino, Moved> = BTreeMap::new();
    let mut now: BTreeMap<(Ino, &Name), Option<Ino>> = BTreeMap::new();
    let mut removed: BTreeSet<Ino> = BTreeSet::new();
    for effect in &persistent.pending {
        let Change::Name { dir, name, to, pair, .. } = &effect.change else { continue };
        let before = now.entry((*dir, name)).or_insert_with(|| {
            slots.get(dir).and_then(|names| names.get(name)).and_then(|slot| slot.shows[0])
        });
        // The first half of a rename may take the place of another directory.
        let is_moved_away = to.is_none() && pair.is_some();
        if let Some(ino) = before.filter(|ino| *to != Some(*ino) && !is_moved_away) {
            removed.insert(ino);
        }
        *before = *to;
        if let (Some(ino), Some(_)) = (*to, pair) {
            let of = slots.iter().flat_map(|(dir, names)| {
                let shows = names.iter().filter(|(_, slot)| slot.shows.contains(&Some(ino)));
                shows.map(|(name, _)| (*dir, name.clone()))
            });
            let (slots, may_be_absent) = (of.collect(), false);
            found.entry(ino).or_insert(Moved { ino, slots, may_be_absent });
        }
    }
    let durable: BTreeSet<Ino> = persistent.durable.all_entries().map(|(_, _, to)| to).collect();
    for moved in found.values_mut() {
        moved.may_be_absent = removed.contains(&moved.ino) || !durable.contains(&moved.ino);
    }
    found.into_values().collect()
}

/// The undecided names of a directory and of those that its durable entries lead to.
fn reached<'s>(
    persistent: &Persistent,
    slots: &'s BTreeMap<Ino, BTreeMap<Name, Slot>>,
    dir: Ino,
) -> Vec<&'s Slot> {
    let mut found: Vec<&Slot> = slots.get(&dir).into_iter().flat_map(BTreeMap::values).collect();
    if let Ok(entries) = persistent.durable.entries(dir) {
        for (name, ino) in entries {
            let is_undecided = found.iter().any(|slot| slot.dir == dir && slot.name == *name);
            if !is_undecided && persistent.durable.kind(*ino) == Kind::Directory {
                found.extend(reached(persistent, slots, *ino));
            }
        }
    }
    found
}

/// What is searched for choices of names.
struct Search<'p> {
    persistent: &'p Persistent,
    slots: &'p BTreeMap<Ino, BTreeMap<Name, Slot>>,
    moved: Vec<Moved>,
    scratch: Scratch,
    count_max: usize,
}

impl<'p> Search<'p> {
    /// Finds every choice for the names that are left to decide, unless there are too many.
    fn expand(
        &self,
        mut todo: Vec<&'p Slot>,
        chosen: &mut Bindings,
        found: &mut Vec<Bindings>,
    ) -> bool {
        let Some(slot) = todo.pop() else {
            if found.len() == self.count_max {
                return false;
            }
            found.push(chosen.clone());
            return true;
        };
        for show in &slot.shows {
            if self.is_doubled(*show, chosen) || self.is_behind_an_absent_one(slot, *show, chosen) {
                continue;
            }
            let mut todo = todo.clone();
            if let Some(ino) = show {
                todo.extend(reached(self.persistent, self.slots, *ino));
            }
            chosen.push((slot.dir, slot.name.clone(), *show));
            let is_complete = self.loses_a_directory(chosen) || self.expand(todo, chosen, found);
            chosen.pop();
            if !is_complete {
                return false;
            }
        }
        true
    }

    /// Draws a choice, which may turn out to be none. Where each directory is comes first.
    fn draw(&self, mut todo: Vec<&'p Slot>, random: &mut fastrand::Rng) -> Option<Bindings> {
        let mut places: Vec<(Ino, &(Ino, Name))> = Vec::new();
        for Moved { ino, slots, may_be_absent } in &self.moved {
            let count = slots.len() + usize::from(*may_be_absent);
            places.extend(slots.get(random.usize(..count)).map(|slot| (*ino, slot)));
        }
        let is_moved = |ino| self.moved.iter().any(|moved| moved.ino == ino);
        let mut chosen = Bindings::new();
        while let Some(slot) = todo.pop() {
            let is_here = |(dir, name): &(Ino, Name)| *dir == slot.dir && *name == slot.name;
            let show = match places.iter().find(|(_, place)| is_here(place)) {
                Some((ino, _)) => Some(*ino),
                None => {
                    let is_free = |show: &&Option<Ino>| !show.is_some_and(is_moved);
                    *random.choice(slot.shows.iter().filter(is_free).collect::<Vec<_>>())?
                }
            };
            chosen.push((slot.dir, slot.name.clone(), show));
            if let Some(ino) = show {
                todo.extend(reached(self.persistent, self.slots, ino));
            }
        }
        (!self.loses_a_directory(&chosen)).then_some(chosen)
    }

    /// Whether a directory would have a second name.
    fn is_doubled(&self, show: Option<Ino>, chosen: &Bindings) -> bool {
        self.moved.iter().any(|moved| Some(moved.ino) == show)
            && chosen.iter().any(|(_, _, other)| *other == show)
    }

    /// Whether a directory has neither its old name nor its new one. One that would be in a
    /// directory that is itself absent has gone with that.
    fn loses_a_directory(&self, chosen: &Bindings) -> bool {
        let is_there = |ino| chosen.iter().any(|(_, _, show)| *show == Some(ino));
        let is_decided = |slot: &(Ino, Name)| {
            chosen.iter().any(|(dir, name, _)| (*dir, name) == (slot.0, &slot.1))
        };
        self.moved.iter().any(|moved| {
            !moved.may_be_absent && !is_there(moved.ino) && moved.slots.iter().all(is_decided)
        })
    }

    /// Which of a target's scratch files are there makes no difference, only how many: those with
    /// higher names are there first. Directories differ in what they hold.
    fn is_behind_an_absent_one(&self, slot: &Slot, show: Option<Ino>, chosen: &Bindings) -> bool {
        let is_file = show.is_some_and(|ino| self.persistent.durable.kind(ino) == Kind::File);
        let Some(target) = (self.scratch)(&slot.name).filter(|_| is_file) else { return false };
        chosen.iter().any(|(dir, name, show)| {
            *dir == slot.dir && show.is_none() && (self.scratch)(name) == Some(target)
        })
    }
}

/// The content of a file with its changes up to one of the effects, and with those that a failed
/// sync lost if `with_lost`.
fn content_before(
    persistent: &Persistent,
    ino: Ino,
    before: usize,
    with_lost: bool,
) -> Arc<Vec<u8>> {
    let mut tree = Tree::new();
    let durable = persistent.durable.file(ino).map(|(data, _)| data.clone()).unwrap_or_default();
    tree.insert(ino, super::tree::Inode::File { data: durable, modified_ns: 0 });
    let known = |effect: &&Effect| with_lost || !effect.is_lost;
    for effect in persistent.pending.iter().take(before).filter(known) {
        match &effect.change {
            Change::Size { ino: of, size } if *of == ino => tree.resize(ino, *size),
            Change::Data { ino: of, offset, bytes } if *of == ino => {
                tree.write(ino, *offset, bytes);
            }
            _ => {}
        }
    }
    tree.file(ino).map(|(data, _)| data.clone()).unwrap_or_default()
}

/// What a file whose data is not synced may hold, and whether that is all.
fn contents(
    persistent: &Persistent,
    model: &Model,
    ino: Ino,
    random: &mut fastrand::Rng,
) -> (Vec<Arc<Vec<u8>>>, bool) {
    let old = content_before(persistent, ino, 0, true);
    let new = content_before(persistent, ino, usize::MAX, true);
    let unit = model.unit_bytes;
    let count = new.len().max(old.len()).div_ceil(unit);
    let mut sizes = vec![old.len()];
    sizes.extend(persistent.pending.iter().filter_map(|effect| match &effect.change {
        Change::Size { ino: of, size } if *of == ino => Some(*size),
        _ => None,
    }));
    let mut found: BTreeSet<Vec<u8>> = BTreeSet::new();
    let (subsets, are_all) = subsets(count, model.data, random);
    for is_written in subsets {
        let mut content = vec![0; count * unit];
        let (mut end_old, mut end_new) = (0, 0);
        for (at, is_new) in is_written.iter().enumerate() {
            let from = if *is_new { &new } else { &old };
            let start = (at * unit).min(from.len());
            let end = (start + unit).min(from.len());
            content[start..end].copy_from_slice(&from[start..end]);
            let place = if *is_new { &mut end_new } else { &mut end_old };
            *place = end;
        }
        let mut cut = |size: usize| {
            let mut content = content.clone();
            content.resize(size, 0);
            found.insert(content);
        };
        match model.data {
            Data::Torn | Data::ZeroTail => sizes.iter().for_each(|size| cut(*size)),
            Data::Prefix | Data::Holes => cut(end_new.max(old.len())),
        }
    }
    (found.into_iter().map(Arc::new).collect(), are_all)
}

/// Which units of a file may have been written: all subsets, or those of a long file that find
/// most, and some more. Tells whether it is all.
fn subsets(count: usize, data: Data, random: &mut fastrand::Rng) -> (Vec<Vec<bool>>, bool) {
    let prefixes = (0..=count).map(|len| (0..count).map(|at| at < len).collect());
    if data == Data::Prefix {
        return (prefixes.collect(), true);
    }
    if count <= UNITS_MAX {
        let subset = |mask: usize| (0..count).map(|at| mask & (1 << at) != 0).collect();
        return ((0..1 << count).map(subset).collect(), true);
    }
    let mut found: Vec<Vec<bool>> = prefixes.collect();
    for place in 0..count {
        found.push((0..count).map(|at| at == place).collect());
        found.push((0..count).map(|at| at != place).collect());
        found.push((0..count).map(|_| random.bool()).collect());
    }
    (found, false)
}

fn each_content(
    tree: &Tree,
    contents: &[(Ino, Vec<Arc<Vec<u8>>>)],
    count_max: usize,
    random: &mut fastrand::Rng,
    visit: &mut dyn FnMut(Tree),
) -> bool {
    let total = contents.iter().try_fold(1_usize, |total, (_, choices)| {
        total.checked_mul(choices.len()).filter(|total| *total <= count_max)
    });
    let count = total.unwrap_or(count_max);
    for index in 0..count {
        let mut tree = tree.clone();
        let mut rest = index;
        for (ino, choices) in contents {
            let choice = match total {
                Some(_) => rest % choices.len(),
                None => random.usize(..choices.len()),
            };
            rest /= choices.len();
            tree.replace(*ino, choices[choice].clone());
        }
        visit(tree);
    }
    total.is_some()
}
