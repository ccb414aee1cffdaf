//! Recently recorded tasks, in memory: retries come within seconds, and are answered without reading the database.

use std::collections::{HashMap, VecDeque};

use hourglass_core::task::{TaskId, TaskRecord};

/// Larger records are not worth the memory.
const LARGEST: usize = 64 << 10;
/// What a record takes besides its output, about.
const OVERHEAD: usize = 400;

/// A bounded memory of durable records, the oldest forgotten first.
#[derive(Debug)]
pub(crate) struct Recent {
    capacity: usize,
    size: usize,
    records: HashMap<TaskId, TaskRecord>,
    order: VecDeque<TaskId>,
}

impl Recent {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, size: 0, records: HashMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn get(&self, task: &TaskId) -> Option<TaskRecord> {
        self.records.get(task).cloned()
    }

    /// Only for what is durable.
    pub(crate) fn insert(&mut self, record: TaskRecord) {
        if record.output.len() > LARGEST || self.records.contains_key(&record.task_id) {
            return;
        }
        self.size += OVERHEAD + record.output.len();
        self.order.push_back(record.task_id);
        self.records.insert(record.task_id, record);
        while self.size > self.capacity {
            let Some(oldest) = self.order.pop_front() else { break };
            self.remove(&oldest);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }

    fn remove(&mut self, task: &TaskId) {
        if let Some(record) = self.records.remove(task) {
            self.size -= OVERHEAD + record.output.len();
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;
    use hourglass_core::testing::sample_record;

    #[test]
    fn bounded() {
        let mut recent = Recent::new(10 * (OVERHEAD + 100));
        for task in 0..25 {
            recent.insert(sample_record(task, 1, &[0; 100]));
        }
        recent.insert(sample_record(100, 1, &vec![0; LARGEST + 1]));
        assert_eq!((recent.records.len(), recent.order.len()), (10, 10));
        assert!(recent.get(&sample_record(24, 1, b"").task_id).is_some());
        assert!(recent.get(&sample_record(14, 1, b"").task_id).is_none());
    }
}
