//! A table whose places are numbered and reused.

/// Values by the number of their place. A number takes four bytes, a pointer eight.
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
    /// Whether all places are free.
    pub(super) fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }

    /// Puts a value into a free place and returns its number.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(place) = self.free.pop() {
            if let Some(free) = self.places.get_mut(place as usize) {
                *free = Some(value);
            }
            return place;
        }
        // The limit of records is lower, and no table has more places than there are records.
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        if self.places.len() == self.places.capacity() {
            self.places.reserve_exact(self.growth());
        }
        self.places.push(Some(value));
        place
    }

    /// Places by which the table grows when it is full. Small tables double. Large tables do not,
    /// because unused memory counts.
    fn growth(&self) -> usize {
        match self.places.len() {
            0 => 1,
            small @ ..64 => small,
            large => large / 8,
        }
    }

    /// Bytes of the table, without what its values have on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Option<T>>() + self.free.capacity() * size_of::<u32>()
    }

    /// Bytes that are added to [`Slots::bytes`] by one more value.
    pub(super) fn next_growth(&self) -> usize {
        match self.free.is_empty() && self.places.len() == self.places.capacity() {
            true => self.growth() * size_of::<Option<T>>(),
            false => 0,
        }
    }

    pub(super) fn get(&self, place: u32) -> Option<&T> {
        self.places.get(place as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.places.get_mut(place as usize)?.as_mut()
    }

    /// Removes the value of a place, which is free afterwards.
    pub(super) fn remove(&mut self, place: u32) -> Option<T> {
        let value = self.places.get_mut(place as usize)?.take()?;
        self.free.push(place);
        if self.free.len() == self.places.len() {
            // The last value was removed: the memory is released.
            *self = Self::default();
        }
        Some(value)
    }

    /// The values in the last few places.
    #[cfg(test)]
    pub(super) fn last(&self, few: usize) -> impl Iterator<Item = (u32, &T)> {
        let start = self.places.len().saturating_sub(few);
        let last = self.places.get(start..).unwrap_or_default();
        let numbered = (u32::try_from(start).unwrap_or(u32::MAX)..).zip(last);
        numbered.filter_map(|(at, place)| Some((at, place.as_ref()?)))
    }
}
