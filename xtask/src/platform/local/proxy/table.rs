//! Who gets the next request: smooth weighted round robin over the groups, round robin inside a group.
//!
//! Weights sum to 100, so the sequence of groups repeats every 100 picks, and any 100 requests in a row are divided
//! exactly as the weights say. (The method is nginx's: each group gains its weight, the richest one is picked and
//! pays the sum.) A group all of whose backends are dead gives its turn to the stable group, never to another:
//! exposure of a new version only falls by itself.

use super::backend::{Backend, InFlight, Standing};
use crate::platform::protocol::Role;
use std::sync::{Arc, Mutex, PoisonError};

const WHOLE: u32 = 100;

/// A share of the requests, and who serves it.
#[derive(Debug, Clone)]
pub struct Group {
    /// The role.
    pub role: Role,
    /// Per cent.
    pub weight: u8,
    /// The backends that serve it in turn.
    pub backends: Vec<Arc<Backend>>,
}

/// A valid division of the requests: weights sum to 100 and each that is not 0 has a backend; or nobody serves.
#[derive(Debug, Clone, Default)]
pub struct Table {
    groups: Vec<Group>,
}

/// Why a division is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The sum is wrong.
    #[error("the weights sum to {0}, not to 100")]
    Sum(u32),
    /// A weight without anybody to carry it.
    #[error("the share of {0} per cent has no instance")]
    Nobody(u8),
}

impl Table {
    /// The table of these groups; none at all is the empty table.
    ///
    /// # Errors
    /// Where weights do not sum to 100, or a group with a weight has no backend.
    pub fn new(groups: Vec<Group>) -> Result<Table, TableError> {
        let sum = groups.iter().map(|group| u32::from(group.weight)).sum();
        if sum != WHOLE && !groups.is_empty() {
            return Err(TableError::Sum(sum));
        }
        match groups.iter().find(|group| group.weight > 0 && group.backends.is_empty()) {
            Some(group) => Err(TableError::Nobody(group.weight)),
            None => Ok(Table { groups }),
        }
    }

    /// The table that gives every request to nobody.
    pub fn empty() -> Table {
        Table::default()
    }
}

/// The table in force.
#[derive(Debug, Default)]
pub(super) struct Router {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    seats: Vec<Seat>,
}

/// A group with its place in both rounds.
#[derive(Debug)]
struct Seat {
    group: Group,
    credit: i64,
    next: usize,
}

/// A backend that was picked; the request is in flight.
#[derive(Debug)]
pub(super) struct Pick {
    pub(super) in_flight: InFlight,
    pub(super) from: Origin,
}

/// Which group of which table: a retry stays there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    generation: u64,
    seat: usize,
}

impl Router {
    pub(super) fn switch(&self, table: Table) -> u64 {
        let mut state = self.lock();
        state.generation += 1;
        state.seats = table.groups.into_iter().map(|group| Seat { group, credit: 0, next: 0 }).collect();
        state.generation
    }

    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// The next backend, with the request counted as in flight before anybody can switch.
    pub(super) fn pick(&self) -> Option<Pick> {
        let state = &mut *self.lock();
        let turn = turn(&mut state.seats)?;
        let stable = state.seats.iter().position(|seat| seat.group.role == Role::Stable);
        let (seat, backend) = [Some(turn), stable]
            .into_iter()
            .flatten()
            .find_map(|seat| Some((seat, state.seats[seat].serve(&[])?)))?;
        Some(Pick {
            in_flight: InFlight::begin(&backend),
            from: Origin { generation: state.generation, seat },
        })
    }

    /// Another backend of the same group. After a switch there is no such group any more: then it is a new pick,
    /// unless that was tried already.
    pub(super) fn pick_again(&self, from: Origin, tried: &[Arc<Backend>]) -> Option<Pick> {
        let state = &mut *self.lock();
        let seat = if from.generation == state.generation { from.seat } else { turn(&mut state.seats)? };
        let backend = state.seats[seat].serve(tried)?;
        Some(Pick {
            in_flight: InFlight::begin(&backend),
            from: Origin { generation: state.generation, seat },
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose turn it is.
fn turn(seats: &mut [Seat]) -> Option<usize> {
    for seat in seats.iter_mut() {
        seat.credit += i64::from(seat.group.weight);
    }
    let with_weight = seats.iter_mut().enumerate().filter(|(_, seat)| seat.group.weight > 0);
    // Of equals the first: `max_by_key` would take the last.
    let (place, seat) = with_weight.rev().max_by_key(|(_, seat)| seat.credit)?;
    seat.credit -= i64::from(WHOLE);
    Some(place)
}

impl Seat {
    fn serve(&mut self, tried: &[Arc<Backend>]) -> Option<Arc<Backend>> {
        let count = self.group.backends.len();
        let is_free = |backend: &Arc<Backend>| {
            backend.standing() == Standing::Alive && !tried.iter().any(|one| Arc::ptr_eq(one, backend))
        };
        let step = (0..count).find(|step| is_free(&self.group.backends[(self.next + step) % count]))?;
        let place = (self.next + step) % count;
        self.next = (place + 1) % count;
        Some(Arc::clone(&self.group.backends[place]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn backend(id: usize) -> Arc<Backend> {
        Backend::new(format!("b{id}"), ([127, 0, 0, 1], 1).into())
    }

    fn group(role: Role, weight: u8, backends: &[&Arc<Backend>]) -> Group {
        Group { role, weight, backends: backends.iter().map(|one| Arc::clone(one)).collect() }
    }

    fn picked(router: &Router) -> Option<String> {
        router.pick().map(|pick| pick.in_flight.backend().id().to_owned())
    }

    proptest! {
        #[test]
        fn any_hundred_picks_in_a_row_are_divided_exactly(cuts in prop::collection::vec(0_u8..=100, 0..5), skip in 0_usize..250) {
            let mut cuts = [vec![0, 100], cuts].concat();
            cuts.sort_unstable();
            let weights: Vec<u8> = cuts.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let groups = weights.iter().enumerate().map(|(id, weight)| group(Role::Canary, *weight, &[&backend(id)]));
            let router = Router::default();
            router.switch(Table::new(groups.collect()).unwrap());
            (0..skip).for_each(|_| drop(picked(&router)));
            let mut counts = BTreeMap::<String, u8>::new();
            for _ in 0..100 {
                *counts.entry(picked(&router).unwrap()).or_default() += 1;
            }
            for (id, weight) in weights.iter().enumerate() {
                prop_assert_eq!(counts.get(&format!("b{id}")).copied().unwrap_or(0), *weight);
            }
        }
    }

    #[test]
    fn a_table_is_whole_or_empty() {
        let one = backend(0);
        let check = |weights: &[u8], expected| {
            let groups = weights.iter().map(|weight| group(Role::Stable, *weight, &[&one])).collect();
            assert_eq!(Table::new(groups).map(drop), expected);
        };
        check(&[], Ok(()));
        check(&[100], Ok(()));
        check(&[0, 90, 10], Ok(()));
        check(&[90], Err(TableError::Sum(90)));
        check(&[90, 11], Err(TableError::Sum(101)));
        check(&[0], Err(TableError::Sum(0)));
        let nobody = vec![group(Role::Stable, 100, &[&one]), group(Role::Canary, 0, &[])];
        assert!(Table::new(nobody).is_ok());
        let nobody = vec![group(Role::Stable, 60, &[&one]), group(Role::Canary, 40, &[])];
        assert_eq!(Table::new(nobody).map(drop), Err(TableError::Nobody(40)));
    }

    #[test]
    fn the_dead_are_left_out_and_only_the_stable_group_takes_over() {
        let (a, b, c) = (backend(0), backend(1), backend(2));
        let router = Router::default();
        let groups = vec![group(Role::Stable, 50, &[&a, &b]), group(Role::Canary, 50, &[&c])];
        router.switch(Table::new(groups).unwrap());
        let four = || (0..4).map(|_| picked(&router)).collect::<Vec<_>>();
        let names =
            |names: [&str; 4]| names.map(|name| Some(name.to_owned()).filter(|name| name != "-")).to_vec();
        assert_eq!(four(), names(["b0", "b2", "b1", "b2"]));
        c.mark(Standing::Dead);
        a.mark(Standing::Dead);
        assert_eq!(four(), names(["b1", "b1", "b1", "b1"]));
        c.mark(Standing::Alive);
        b.mark(Standing::Dead);
        assert_eq!(four(), names(["-", "b2", "-", "b2"]));
    }

    #[test]
    fn a_retry_stays_in_its_group_until_the_table_changes() {
        let (a, b, c) = (backend(0), backend(1), backend(2));
        let router = Router::default();
        router.switch(
            Table::new(vec![group(Role::Stable, 100, &[&a, &b]), group(Role::Canary, 0, &[&c])]).unwrap(),
        );
        let first = router.pick().unwrap();
        let again = router.pick_again(first.from, &[Arc::clone(&a)]).unwrap();
        assert_eq!(again.in_flight.backend().id(), "b1");
        assert!(router.pick_again(first.from, &[Arc::clone(&a), Arc::clone(&b)]).is_none());
        assert_eq!(router.switch(Table::new(vec![group(Role::Stable, 100, &[&c])]).unwrap()), 2);
        assert_eq!(router.pick_again(first.from, &[a]).unwrap().in_flight.backend().id(), "b2");
        router.switch(Table::empty());
        assert!(router.pick_again(first.from, &[]).is_none() && router.pick().is_none());
        assert_eq!(router.generation(), 3);
    }
}
