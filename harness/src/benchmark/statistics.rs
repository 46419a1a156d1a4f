//! What is said of many measurements: the middle, the ends, and how one compares with another.

/// Measurements of one thing, at least one, in the order of their size.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    sorted: Vec<f64>,
}

impl Samples {
    /// The measurements. `None` if there are none, or if one of them is no number: nothing can be said of those.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        if sorted.is_empty() || sorted.iter().any(|value| !value.is_finite()) {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        Some(Self { sorted })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The least.
    pub fn least(&self) -> f64 {
        self.sorted.first().copied().unwrap_or_default()
    }

    /// The greatest.
    pub fn most(&self) -> f64 {
        self.sorted.last().copied().unwrap_or_default()
    }

    /// The one in the middle; of an even number, the mean of the two there.
    pub fn median(&self) -> f64 {
        let middle = self.sorted.len() / 2;
        let at = |index: usize| self.sorted.get(index).copied().unwrap_or_default();
        if self.sorted.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.saturating_sub(1)), at(middle)) }
    }

    /// The least measurement that so many hundredths of all do not exceed: one that was measured, never a mean.
    pub fn percentile(&self, hundredths: f64) -> f64 {
        let rank = (hundredths / 100.0 * self.sorted.len() as f64).ceil();
        let index = (rank.max(1.0) as usize).min(self.sorted.len()) - 1;
        self.sorted.get(index).copied().unwrap_or_default()
    }
}

/// How many times as much. `None` where there is nothing to compare with.
pub fn ratio(measured: f64, floor: f64) -> Option<f64> {
    (floor > 0.0 && measured.is_finite() && floor.is_finite()).then(|| measured / floor)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Samples, ratio};

    #[rstest]
    #[case::of_one(&[3.0], 3.0)]
    #[case::of_an_odd_number_is_one_of_them(&[9.0, 1.0, 2.0], 2.0)]
    #[case::of_an_even_number_is_between_two(&[4.0, 1.0, 2.0, 100.0], 3.0)]
    #[case::is_not_moved_by_one_that_is_far_off(&[1.0, 1.0, 1.0, 1.0, 1000.0], 1.0)]
    fn the_median(#[case] values: &[f64], #[case] expected: f64) {
        assert_eq!(Samples::of(values.iter().copied()).unwrap().median(), expected);
    }

    #[rstest]
    #[case::the_95th_of_200_leaves_ten_above(200, 95.0, 190.0)]
    #[case::the_95th_of_ten_is_the_greatest(10, 95.0, 10.0)]
    #[case::the_95th_of_one_is_that_one(1, 95.0, 1.0)]
    #[case::the_50th_of_ten_is_the_lower_of_the_middle(10, 50.0, 5.0)]
    #[case::the_hundredth_is_the_greatest(7, 100.0, 7.0)]
    #[case::the_zeroth_is_the_least(7, 0.0, 1.0)]
    fn a_percentile(#[case] count: u32, #[case] hundredths: f64, #[case] expected: f64) {
        let backwards = (1..=count).rev().map(f64::from);
        assert_eq!(Samples::of(backwards).unwrap().percentile(hundredths), expected);
    }

    #[test]
    fn the_ends_are_the_least_and_the_greatest_in_whatever_order_they_came() {
        let samples = Samples::of([2.0, 9.0, 0.5]).unwrap();
        assert_eq!((samples.least(), samples.most(), samples.count()), (0.5, 9.0, 3));
    }

    #[rstest]
    #[case::none(&[])]
    #[case::no_number(&[1.0, f64::NAN])]
    #[case::without_an_end(&[f64::INFINITY])]
    fn nothing_is_said_of(#[case] values: &[f64]) {
        assert_eq!(Samples::of(values.iter().copied()), None);
    }

    #[rstest]
    #[case::more(3.0, 2.0, Some(1.5))]
    #[case::less(1.0, 2.0, Some(0.5))]
    #[case::nothing_to_compare_with(1.0, 0.0, None)]
    #[case::no_number(f64::NAN, 1.0, None)]
    fn a_ratio(#[case] measured: f64, #[case] floor: f64, #[case] expected: Option<f64>) {
        assert_eq!(ratio(measured, floor), expected);
    }
}
