//! How long requests take: each pod is a queue M/M/c.
//!
//! Requests come at random, need exponential CPU times, and one uses one core at most; a pod with a limit of 2 cores has
//! two servers, one of 500m a server of half the speed. Waiting in line and not processor sharing is assumed, since its
//! distribution is known in closed form; the means of the two are about the same. What waits because the load is over the
//! capacity comes on top, first in, first out.
//!
//! Where a request makes requests to other targets, the time of the whole is taken as gamma distributed, with the mean and the
//! variance that its parts have together: a sum of exponential times is nearly so.

use statrs::distribution::{ContinuousCDF, Gamma};

/// A time that is known by its mean and its variance, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::sim) struct Moments {
    pub mean: f64,
    pub variance: f64,
}

impl Moments {
    /// So many of them one after the other; of a part of one, whether it comes is left to chance.
    pub fn times(self, count: f64) -> Self {
        let (whole, part) = (count.floor(), count.fract());
        let chance = part * (self.variance + self.mean * self.mean) - part * part * self.mean * self.mean;
        Self { mean: count * self.mean, variance: whole * self.variance + chance }
    }

    /// One after the other.
    pub fn then(self, other: Self) -> Self {
        Self { mean: self.mean + other.mean, variance: self.variance + other.variance }
    }

    /// The part of such times that is longer.
    fn longer_than(self, seconds: f64) -> f64 {
        if seconds <= 0.0 {
            return 1.0;
        }
        match Gamma::new(self.mean * self.mean / self.variance, self.mean / self.variance) {
            Ok(gamma) => gamma.sf(seconds),
            Err(_) => f64::from(u8::from(self.mean > seconds)),
        }
    }
}

/// The requests at a pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PodRequests {
    /// Requests per second that it serves.
    pub rate: f64,
    /// CPU time of a request, core-seconds.
    pub cpu_seconds: f64,
    /// Cores; none is without limit.
    pub cores: Option<f64>,
    /// Time that every request takes besides, seconds: other services, and the queue that is over the capacity.
    pub fixed_seconds: f64,
    /// Whether work waits that is over the capacity: the pod is busy all the time.
    pub saturated: bool,
    /// The time of the requests that each makes to other targets.
    pub calls: Moments,
}

/// A response time: a fixed part, an exponential service, and with a certain probability an exponential wait.
struct Distribution {
    service: f64,
    waits: f64,
    wait: f64,
}

impl PodRequests {
    /// Rates of service and wait, and the probability of a wait.
    fn distribution(&self) -> Distribution {
        let Some(cores) = self.cores else {
            return Distribution { service: 1.0 / self.cpu_seconds, waits: 0.0, wait: 1.0 };
        };
        let servers = cores.ceil().max(1.0);
        let service = cores.max(1e-9) / (servers * self.cpu_seconds);
        let spare = servers * service - self.rate;
        if self.saturated || spare <= 0.0 {
            // The wait is in the fixed part.
            return Distribution { service, waits: 0.0, wait: 1.0 };
        }
        Distribution { service, waits: erlang_c(servers as u32, self.rate / service), wait: spare }
    }

    /// The mean, seconds.
    pub fn mean(&self) -> f64 {
        let d = self.distribution();
        self.fixed_seconds + 1.0 / d.service + d.waits / d.wait + self.calls.mean
    }

    /// Mean and variance.
    pub fn moments(&self) -> Moments {
        let d = self.distribution();
        let waits = (2.0 - d.waits) * d.waits / (d.wait * d.wait);
        let own = 1.0 / (d.service * d.service) + waits;
        Moments { mean: self.mean(), variance: own + self.calls.variance }
    }

    /// The part of the requests that take longer.
    pub fn slower_than(&self, seconds: f64) -> f64 {
        let rest = seconds - self.fixed_seconds;
        if rest <= 0.0 {
            return 1.0;
        }
        if self.calls.mean > 0.0 {
            let all = self.moments();
            return Moments { mean: all.mean - self.fixed_seconds, ..all }.longer_than(rest);
        }
        let d = self.distribution();
        let served = (-d.service * rest).exp();
        let both = if (d.wait - d.service).abs() < 1e-9 * d.service {
            (1.0 + d.service * rest) * served
        } else {
            (d.service * (-d.wait * rest).exp() - d.wait * served) / (d.service - d.wait)
        };
        ((1.0 - d.waits) * served + d.waits * both).clamp(0.0, 1.0)
    }
}

/// The time that the given part of all requests does not exceed, seconds; `pods` are weighted by their number.
pub(super) fn quantile(pods: &[(f64, PodRequests)], part: f64) -> f64 {
    let rate: f64 = pods.iter().map(|(count, pod)| count * pod.rate).sum();
    if rate <= 0.0 {
        return 0.0;
    }
    let slower = |seconds: f64| -> f64 {
        pods.iter().map(|(count, pod)| count * pod.rate * pod.slower_than(seconds)).sum::<f64>() / rate
    };
    let mut high = pods.iter().map(|(_, pod)| pod.mean()).fold(1e-6, f64::max);
    while slower(high) > 1.0 - part && high < 1e9 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if slower(middle) > 1.0 - part { low = middle } else { high = middle }
    }
    high
}

/// Erlang's C: the probability of a wait with so many servers and so much traffic, in erlangs.
fn erlang_c(servers: u32, traffic: f64) -> f64 {
    // Erlang's B by its recursion, then C of it.
    let blocked = (1..=servers).fold(1.0, |b, n| traffic * b / (f64::from(n) + traffic * b));
    let used = traffic / f64::from(servers);
    (blocked / (1.0 - used * (1.0 - blocked))).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(rate: f64, cores: f64) -> PodRequests {
        PodRequests {
            rate,
            cpu_seconds: 0.1,
            cores: Some(cores),
            fixed_seconds: 0.0,
            saturated: false,
            calls: Moments::default(),
        }
    }

    #[test]
    fn one_server_is_m_m_1() {
        // rho = 0.8: mean 1 / (mu - lambda) = 0.5 s, and the response time is exponential.
        let pod = pod(8.0, 1.0);
        assert!((pod.mean() - 0.5).abs() < 1e-9);
        let p95 = quantile(&[(3.0, pod)], 0.95);
        assert!((p95 - 0.5 * 20f64.ln()).abs() < 1e-6, "{p95}");
    }

    #[test]
    fn two_servers_wait_by_erlang_c() {
        // Two servers, 1.5 erlangs: C = 9/14 (tables of Erlang's C give 0.6429).
        assert!((erlang_c(2, 1.5) - 9.0 / 14.0).abs() < 1e-12);
        let pod = pod(15.0, 2.0);
        assert!((pod.mean() - (0.1 + 9.0 / 14.0 / 5.0)).abs() < 1e-9, "{}", pod.mean());
    }

    /// Three exponential times of a tenth of a second each, one after the other, are Erlang distributed: 95% are within 0.63 s.
    #[test]
    fn calls_come_one_after_the_other() {
        let calls = Moments { mean: 0.1, variance: 0.01 }.times(2.0);
        let quiet = PodRequests { cores: None, calls, ..pod(0.001, 1.0) };
        assert!((quiet.mean() - 0.3).abs() < 1e-9);
        let p95 = quantile(&[(1.0, quiet)], 0.95);
        assert!((p95 - 0.629_58).abs() < 1e-4, "{p95}");
        // A call that comes half of the time.
        let half = Moments { mean: 0.1, variance: 0.01 }.times(0.5);
        assert!((half.mean - 0.05).abs() < 1e-12 && (half.variance - 0.0075).abs() < 1e-12, "{half:?}");
    }

    #[test]
    fn other_time_and_half_cores() {
        let half = PodRequests { fixed_seconds: 2.0, ..pod(0.0, 0.5) };
        assert!((half.mean() - 2.2).abs() < 1e-9, "a core at half the speed");
        assert_eq!(half.slower_than(1.9), 1.0);
        let unlimited = PodRequests { cores: None, ..pod(1e6, 1.0) };
        assert!((unlimited.mean() - 0.1).abs() < 1e-9);
    }
}
