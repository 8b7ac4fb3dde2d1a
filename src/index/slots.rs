//! A table whose places are numbered and used again.

/// Values by the number of their place: four bytes where a pointer would take eight.
#[derive(Debug)]
pub(super) struct Slots<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// Puts a value into a free place and returns its number.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = Some(value);
            return place;
        }
        // The limit of records is below, and nothing here has more places than there are records.
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        if self.places.is_empty() {
            // Where there are tables for each of many, most have a single place.
            self.places.reserve_exact(1);
        }
        self.places.push(Some(value));
        place
    }

    pub(super) fn get(&self, place: u32) -> Option<&T> {
        self.places.get(place as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.places.get_mut(place as usize)?.as_mut()
    }

    /// Takes the value out of a place, which is free then.
    pub(super) fn remove(&mut self, place: u32) -> Option<T> {
        let value = self.places.get_mut(place as usize)?.take();
        self.free.extend(value.is_some().then_some(place));
        value
    }

    /// The values in the last few places.
    pub(super) fn last(&self, few: usize) -> impl Iterator<Item = (u32, &T)> {
        let start = self.places.len().saturating_sub(few);
        let numbered = (u32::try_from(start).unwrap_or(u32::MAX)..).zip(&self.places[start..]);
        numbered.filter_map(|(at, place)| Some((at, place.as_ref()?)))
    }
}
