//! The node's heartbeat: the firmware asks, and the runner answers after a whole round of its work.

/// Questions and answers, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    asked: u32,
    answered: u32,
}

impl Heartbeat {
    pub(crate) const NEW: Self = Self { asked: 0, answered: 0 };

    /// Asks, and returns the number of the question.
    pub(crate) const fn ask(&mut self) -> u32 {
        self.asked = self.asked.wrapping_add(1);
        self.asked
    }

    /// The number of the last question.
    pub(crate) const fn asked(&self) -> u32 {
        self.asked
    }

    /// Answers all questions up to this one. Returns whether one of them was open.
    pub(crate) const fn answer(&mut self, number: u32) -> bool {
        let was_open = self.answered != number;
        self.answered = number;
        was_open
    }

    /// Whether this question was answered.
    pub(crate) const fn is_answered(&self, number: u32) -> bool {
        // The distance of two numbers is small, also where the count starts again.
        self.answered.wrapping_sub(number) < u32::MAX / 2
    }
}

#[cfg(test)]
mod tests {
    use super::Heartbeat;

    #[test]
    fn each_question_has_its_answer_also_where_the_count_starts_again() {
        let mut beat = Heartbeat { asked: u32::MAX - 1, answered: u32::MAX - 1 };
        let (first, second) = (beat.ask(), beat.ask());
        assert!(!beat.is_answered(first) && !beat.is_answered(second));
        assert!(beat.answer(first));
        assert!(beat.is_answered(first) && !beat.is_answered(second));
        assert!(beat.answer(second));
        assert!(beat.is_answered(first) && beat.is_answered(second));
        assert!(!beat.answer(second), "nothing was open");
    }
}
