//! Closed loop: clients that wait for the answer before they send the next request.
//!
//! A closed network of queues, solved by exact mean value analysis (Reiser and Lavenberg, 1980): each pod is a station
//! with processor sharing, a pod of several cores is Seidmann's approximation of one (a fast server and a delay), and
//! think time and waiting for other services are delays. With random routing and processor sharing the means do not
//! depend on how service times are distributed.

use super::usage::Crowd;
use crate::model::Balancing;

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

/// These clients on these pods, where each request waits for so long besides, seconds.
///
/// Groups that think for different times meet the same pods: they are taken as one whose think time lets as many requests through. With
/// many clients it matters little that each group has one of its own less in front of it.
pub(super) fn solve(crowd: &Crowd, wait: f64, stations: &[Station], balancing: Balancing) -> Solution {
    let clients: f64 = crowd.groups().map(|(clients, _)| clients).sum();
    let mut think = crowd.groups().map(|(clients, think)| clients * think).sum::<f64>() / clients.max(1e-3);
    let mut solution = solve_alike(clients, (think, wait), stations, balancing);
    for _ in 0..MOST_STEPS {
        if crowd.groups().count() < 2 {
            break;
        }
        let sent: f64 = crowd.groups().map(|(clients, think)| clients / (think + solution.response_seconds)).sum();
        let next = clients / sent - solution.response_seconds;
        if !next.is_finite() || (next - think).abs() < 1e-9 {
            break;
        }
        think = next;
        solution = solve_alike(clients, (think, wait), stations, balancing);
    }
    solution
}

/// So often the think time of all is looked for.
const MOST_STEPS: usize = 50;

/// So many clients that think and wait for so long, seconds.
fn solve_alike(clients: f64, (think, wait): (f64, f64), stations: &[Station], balancing: Balancing) -> Solution {
    let weight: f64 = stations.iter().map(|station| station.pods * station.weight).sum();
    if clients <= 0.0 || weight <= 0.0 {
        return Solution { per_pod: vec![0.0; stations.len()], ..Solution::default() };
    }
    let outside = think + wait;
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
    Solution { throughput, response_seconds: (cycle - think).max(0.0), per_pod }
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

    fn pods(pods: f64, cores: f64) -> Station {
        Station { pods, weight: 1.0, cores: Some(cores), cpu_seconds: 0.04 }
    }

    /// Balanced queues without think time: N clients keep each of M pods busy for N / (N + M - 1) of the time.
    #[test]
    fn random_routing_leaves_some_pods_idle() {
        for (clients, count) in [(3, 1.0), (3, 2.0), (3, 5.0), (12, 6.0)] {
            let solution = solve_alike(clients as f64, (0.0, 0.0), &[pods(count, 1.0)], Balancing::Random);
            let busy = solution.per_pod[0] * 0.04;
            let expected = clients as f64 / (clients as f64 + count - 1.0);
            assert!((busy - expected).abs() < 1e-9, "{clients} clients, {count} pods: {busy}");
        }
    }

    /// Exact mean value analysis of two groups on equal pods with random routing: throughput of all.
    fn exactly(groups: [(usize, f64); 2], pods: f64, cpu: f64) -> f64 {
        let [(most, think), (others, think_of_others)] = groups;
        // The clients at each pod, by how many there are of each group.
        let mut queues = vec![vec![0.0; others + 1]; most + 1];
        let mut all = 0.0;
        for one in 0..=most {
            for other in 0..=others {
                let residence = |queue: f64| cpu / pods * (1.0 + queue);
                let rate = |count: usize, think: f64, without: f64| count as f64 / (think + pods * residence(without));
                let first = if one > 0 {
                    (rate(one, think, queues[one - 1][other]), queues[one - 1][other])
                } else {
                    (0.0, 0.0)
                };
                let second = if other > 0 {
                    (rate(other, think_of_others, queues[one][other - 1]), queues[one][other - 1])
                } else {
                    (0.0, 0.0)
                };
                queues[one][other] = first.0 * residence(first.1) + second.0 * residence(second.1);
                all = first.0 + second.0;
            }
        }
        all
    }

    #[test]
    fn groups_that_think_for_different_times() {
        for (groups, count) in [
            ([(2, 1.0), (30, 0.2)], 1.0),
            ([(2, 1.0), (30, 0.2)], 4.0),
            ([(10, 0.0), (10, 5.0)], 2.0),
            ([(50, 0.5), (200, 10.0)], 5.0),
        ] {
            let values: Vec<f64> = groups.iter().map(|(clients, _)| *clients as f64).collect();
            let crowd = Crowd::of(&[(0, groups[0].1), (1, groups[1].1)], &values);
            let solution = solve(&crowd, 0.0, &[pods(count, 1.0)], Balancing::Random);
            let exact = exactly(groups, count, 0.04);
            assert!((solution.throughput / exact - 1.0).abs() < 0.01, "{} and exactly {exact}", solution.throughput);
        }
        let alone = solve(&Crowd::of(&[(0, 0.3)], &[7.5]), 0.1, &[pods(2.0, 1.0)], Balancing::Even);
        assert_eq!(alone, solve_alike(7.5, (0.3, 0.1), &[pods(2.0, 1.0)], Balancing::Even));
        let halves = solve(&Crowd::of(&[(0, 0.3), (0, 0.3)], &[3.75]), 0.1, &[pods(2.0, 1.0)], Balancing::Even);
        assert!((halves.throughput / alone.throughput - 1.0).abs() < 1e-9);
    }

    #[test]
    fn even_routing_and_think_time() {
        // Three clients on six pods never meet: each keeps a core busy but for its think time.
        let solution = solve_alike(3.0, (0.01, 0.0), &[pods(6.0, 1.0)], Balancing::Even);
        assert!((solution.throughput - 60.0).abs() < 1e-9, "{solution:?}");
        assert!((solution.response_seconds - 0.04).abs() < 1e-9);
        // Saturated: the pod does what it can.
        let solution = solve_alike(50.0, (0.0, 0.0), &[pods(1.0, 0.5)], Balancing::Even);
        assert!((solution.throughput - 12.5).abs() < 1e-9, "{solution:?}");
        let sticky = Balancing::Sticky { session: Span::from_seconds(60) };
        assert_eq!(solve_alike(0.0, (0.0, 0.0), &[pods(1.0, 1.0)], sticky).throughput, 0.0);
    }

    #[test]
    fn many_clients_are_approximated_closely() {
        let exact = network(2_000, 30.0, &[pods(40.0, 2.0)], &[1.0 / 40.0])[0];
        let approximated = network(2_001, 30.0, &[pods(40.0, 2.0)], &[1.0 / 40.0])[0];
        assert!((exact / approximated - 1.0).abs() < 0.01, "{exact} {approximated}");
    }
}
