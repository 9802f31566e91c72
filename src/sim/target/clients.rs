//! Closed loop: clients that wait for the answer before they send the next request.
//!
//! A closed network of queues, solved by exact mean value analysis (Reiser and Lavenberg, 1980): each pod is a station
//! with processor sharing, a pod of several cores is Seidmann's approximation of one (a fast server and a delay), and
//! think time and waiting for other services are delays. With random routing and processor sharing the means do not
//! depend on how service times are distributed.

use crate::model::{Balancing, RequestModel};

/// More clients than this are solved by Schweitzer's approximation.
const MOST_EXACT: u64 = 2_000;
/// Steps of that approximation.
const APPROXIMATION_STEPS: usize = 200;

/// Equal pods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station {
    /// How many.
    pub pods: f64,
    /// How often clients come to each, relative to the others.
    pub weight: f64,
    /// Cores; none is as many as there are requests.
    pub cores: Option<f64>,
    /// CPU time of a request here, core-seconds.
    pub cpu_seconds: f64,
}

/// What comes of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Solution {
    /// Requests per second in all.
    pub throughput: f64,
    /// From a request to its answer, seconds.
    pub response_seconds: f64,
    /// Requests per second at each pod of each station.
    pub per_pod: Vec<f64>,
}

/// The queue and the delay of a station, seconds of a request's time.
fn demands(station: &Station) -> (f64, f64) {
    match station.cores {
        None => (0.0, station.cpu_seconds),
        Some(cores) if cores <= 1.0 => (station.cpu_seconds / cores.max(1e-9), 0.0),
        Some(cores) => {
            // A request uses one core at most: `servers` of them, none faster than a core.
            let servers = cores.ceil();
            let service = station.cpu_seconds * servers / cores;
            (service / servers, service * (servers - 1.0) / servers)
        }
    }
}

/// So many clients on these pods.
pub(super) fn solve(clients: f64, requests: &RequestModel, stations: &[Station], balancing: Balancing) -> Solution {
    let weight: f64 = stations.iter().map(|station| station.pods * station.weight).sum();
    if clients <= 0.0 || weight <= 0.0 {
        return Solution { per_pod: vec![0.0; stations.len()], ..Solution::default() };
    }
    let outside = requests.think_seconds + requests.wait_seconds;
    let per_pod: Vec<f64> = match balancing {
        Balancing::Even | Balancing::Weighted { .. } => stations
            .iter()
            .map(|station| {
                // As many clients at each pod as its weight asks for: some have one more than others.
                let at_pod = clients * station.weight / weight;
                let (low, part) = (at_pod.floor(), at_pod.fract());
                let alone = |clients: f64| {
                    let single = Station { pods: 1.0, weight: 1.0, ..*station };
                    network(clients as u64, outside, &[single], &[1.0]).first().copied().unwrap_or(0.0)
                };
                (1.0 - part) * alone(low) + if part > 0.0 { part * alone(low + 1.0) } else { 0.0 }
            })
            .collect(),
        Balancing::Random | Balancing::Sticky { .. } => {
            let visits: Vec<f64> = stations.iter().map(|station| station.weight / weight).collect();
            // A client that is there for a part of the time.
            let (low, part) = (clients.floor(), clients.fract());
            let below = network(low as u64, outside, stations, &visits);
            if part == 0.0 {
                below
            } else {
                let above = network(low as u64 + 1, outside, stations, &visits);
                below.iter().zip(above).map(|(below, above)| (1.0 - part) * below + part * above).collect()
            }
        }
    };
    let throughput: f64 = per_pod.iter().zip(stations).map(|(rate, station)| rate * station.pods).sum();
    let cycle = if throughput > 0.0 { clients / throughput } else { 0.0 };
    Solution { throughput, response_seconds: (cycle - requests.think_seconds).max(0.0), per_pod }
}

/// Requests per second at each pod of each station. `visits` are the parts of the requests that go to each pod.
fn network(clients: u64, outside: f64, stations: &[Station], visits: &[f64]) -> Vec<f64> {
    if clients == 0 {
        return vec![0.0; stations.len()];
    }
    let demands: Vec<(f64, f64)> = stations.iter().map(demands).collect();
    let pods = || stations.iter().map(|station| station.pods);
    let delay = outside + pods().zip(&demands).zip(visits).map(|((pods, (_, d)), visit)| pods * visit * d).sum::<f64>();
    let mut queues = vec![0.0f64; stations.len()];
    let mut throughput = 0.0;
    let mut step = |clients: f64, seen: f64, queues: &mut Vec<f64>| {
        let residence = |index: usize, queue: f64| visits[index] * demands[index].0 * (1.0 + seen * queue);
        let total: f64 = pods().enumerate().map(|(index, pods)| pods * residence(index, queues[index])).sum();
        throughput = clients / (delay + total).max(1e-12);
        for (index, queue) in queues.iter_mut().enumerate() {
            *queue = throughput * residence(index, *queue);
        }
    };
    if clients <= MOST_EXACT {
        for number in 1..=clients {
            step(number as f64, 1.0, &mut queues);
        }
    } else {
        let number = clients as f64;
        let everywhere: f64 = pods().sum();
        queues.fill(number / everywhere.max(1.0));
        for _ in 0..APPROXIMATION_STEPS {
            step(number, (number - 1.0) / number, &mut queues);
        }
    }
    visits.iter().map(|visit| throughput * visit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    fn requests(think_seconds: f64) -> RequestModel {
        RequestModel { cpu_seconds: 0.04, wait_seconds: 0.0, think_seconds, memory_bytes: 0 }
    }

    fn pods(pods: f64, cores: f64) -> Station {
        Station { pods, weight: 1.0, cores: Some(cores), cpu_seconds: 0.04 }
    }

    /// Balanced queues without think time: N clients keep each of M pods busy for N / (N + M - 1) of the time.
    #[test]
    fn random_routing_leaves_some_pods_idle() {
        for (clients, count) in [(3, 1.0), (3, 2.0), (3, 5.0), (12, 6.0)] {
            let solution = solve(clients as f64, &requests(0.0), &[pods(count, 1.0)], Balancing::Random);
            let busy = solution.per_pod[0] * 0.04;
            let expected = clients as f64 / (clients as f64 + count - 1.0);
            assert!((busy - expected).abs() < 1e-9, "{clients} clients, {count} pods: {busy}");
        }
    }

    #[test]
    fn even_routing_and_think_time() {
        // Three clients on six pods never meet: each keeps a core busy but for its think time.
        let solution = solve(3.0, &requests(0.01), &[pods(6.0, 1.0)], Balancing::Even);
        assert!((solution.throughput - 60.0).abs() < 1e-9, "{solution:?}");
        assert!((solution.response_seconds - 0.04).abs() < 1e-9);
        // Saturated: the pod does what it can.
        let solution = solve(50.0, &requests(0.0), &[pods(1.0, 0.5)], Balancing::Even);
        assert!((solution.throughput - 12.5).abs() < 1e-9, "{solution:?}");
        let sticky = Balancing::Sticky { session: Span::from_seconds(60) };
        assert_eq!(solve(0.0, &requests(0.0), &[pods(1.0, 1.0)], sticky).throughput, 0.0);
    }

    #[test]
    fn many_clients_are_approximated_closely() {
        let exact = network(2_000, 30.0, &[pods(40.0, 2.0)], &[1.0 / 40.0])[0];
        let approximated = network(2_001, 30.0, &[pods(40.0, 2.0)], &[1.0 / 40.0])[0];
        assert!((exact / approximated - 1.0).abs() < 0.01, "{exact} {approximated}");
    }
}
