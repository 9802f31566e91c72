//! What recordings tell without a simulation: CPU of a request, memory of a pod, how long pods took to be ready.

use super::region::{Bootstrap, interval};
use super::setting::Setting;

/// What is known of a setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Which one.
    pub setting: Setting,
    /// The value.
    pub value: f64,
    /// 95% of what it may be: from here.
    pub low: f64,
    /// To here.
    pub high: f64,
    /// How far values differ among pods: the standard deviation of the logarithm, if they do.
    pub sigma: Option<f64>,
    /// Of what, and by what.
    pub evidence: String,
}

/// Steps of a recording in which all of this is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// When, seconds.
    pub at: i64,
    /// What pods used: cores, or bytes.
    pub used: f64,
    /// Requests a second; nothing if they were not recorded.
    pub rps: f64,
    /// Pods.
    pub pods: f64,
    /// Whether containers were restarted, so that what they had used since their last samples is not known.
    pub has_restarts: bool,
}

/// Blocks of time for the bootstrap.
const BLOCKS: usize = 24;
/// Fewer steps say nothing.
const FEWEST: usize = 8;
/// A figure that is not known to this part of itself is not known.
const VAGUE: f64 = 0.5;
/// Who causes less than this part of the CPU does not explain it.
const LITTLE: f64 = 0.01;

/// Least squares of so many unknowns: `sums` are the sums of the products of columns, the last of which is what is explained.
fn solved<const N: usize>(rows: &[[f64; N]], columns: usize) -> Option<Vec<f64>> {
    let mut matrix = vec![vec![0.0; columns + 1]; columns];
    for row in rows {
        for (one, equation) in matrix.iter_mut().enumerate() {
            for (other, cell) in equation.iter_mut().enumerate() {
                *cell += row[one] * row[if other == columns { N - 1 } else { other }];
            }
        }
    }
    for pivot in 0..columns {
        let largest = (pivot..columns).max_by(|a, b| matrix[*a][pivot].abs().total_cmp(&matrix[*b][pivot].abs()))?;
        matrix.swap(pivot, largest);
        let scale = matrix[pivot][pivot];
        if scale.abs() < 1e-12 {
            return None;
        }
        let own = matrix[pivot].clone();
        for (_, equation) in matrix.iter_mut().enumerate().filter(|(row, _)| *row != pivot) {
            let factor = equation[pivot] / scale;
            equation.iter_mut().zip(&own).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    Some((0..columns).map(|row| matrix[row][columns] / matrix[row][row]).collect())
}

/// The least squares of blocks of time, and of the same drawn with replacement: for each unknown the values in the samples.
fn bootstrapped<const N: usize>(rows: &[[f64; N]], columns: usize, seed: u64) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
    if rows.len() < FEWEST {
        return None;
    }
    let found = solved(rows, columns)?;
    let blocks = BLOCKS.min(rows.len() / 2);
    let of = |block: usize| &rows[block * rows.len() / blocks..(block + 1) * rows.len() / blocks];
    let mut drawn = vec![Vec::new(); columns];
    for sample in Bootstrap::new(blocks, seed).drawn() {
        let again: Vec<[f64; N]> = sample.iter().flat_map(|block| of(*block).iter().copied()).collect();
        for (values, value) in drawn.iter_mut().zip(solved(&again, columns).into_iter().flatten()) {
            values.push(value);
        }
    }
    Some((found, drawn))
}

/// Steps in which the number of pods is that of so many steps before and the one after them, and no container was restarted, with the
/// step before: where pods come and go it is known to a sample's distance only. All of them, if these are few and none has restarts.
fn steady(steps: &[Step], before: usize) -> impl Iterator<Item = (Step, Step)> + '_ {
    let at = |index: usize| steps[index.min(steps.len() - 1)];
    let is_steady = move |index: usize| {
        let mut beside = (index.saturating_sub(before)..=index + 1).map(at);
        beside.all(|step| step.pods == at(index).pods && !step.has_restarts)
    };
    // Without pods nothing can be used, and nothing is told.
    let is_told = move |index: &usize| at(*index).pods > 0.0;
    let count = (0..steps.len()).filter(is_told).filter(|index| is_steady(*index)).count();
    let is_few = count < FEWEST.max(steps.len() / MOST_LEFT_OUT);
    let takes_all = is_few && !steps.iter().any(|step| step.has_restarts);
    let taken = (0..steps.len()).filter(is_told).filter(move |index| takes_all || is_steady(*index));
    taken.map(move |index| (at(index.saturating_sub(1)), at(index)))
}

/// As part of all steps so few are few.
const MOST_LEFT_OUT: usize = 4;
/// No figure is known better than this part of it: samples are rounded.
const ROUNDED: f64 = 1e-3;

fn widened((low, high): (f64, f64), value: f64) -> (f64, f64) {
    let most = value.abs() * ROUNDED;
    (low.min(value - most).max(0.0), high.max(value + most).max(0.0))
}

/// CPU of a request and of a pod without work: what pods used, by requests and pods. The error says why it is not known.
pub fn cpu(steps: &[Step], seed: u64) -> Result<Vec<Estimate>, String> {
    let rows: Vec<[f64; 3]> = steady(steps, 1).map(|(_, step)| [step.rps, step.pods, step.used]).collect();
    let too_few = || "requests, CPU and pods were not recorded at the same time for long enough".to_owned();
    let (found, drawn) = bootstrapped(&rows, 2, seed)
        .ok_or_else(|| if rows.len() < FEWEST { too_few() } else { "requests and pods did not change".to_owned() })?;
    let (low, high) = interval(drawn[0].clone()).ok_or_else(too_few)?;
    if found[0] <= 0.0 || low <= 0.0 || high - low > 2.0 * VAGUE * found[0] {
        return Err(format!(
            "CPU goes with the number of pods as much as with requests: between {:.1} and {:.1} core-ms",
            low * 1e3,
            high * 1e3
        ));
    }
    let sum = |column: usize| rows.iter().map(|row| row[column]).sum::<f64>();
    if found[0] * sum(0) < LITTLE * sum(2) {
        return Err(format!(
            "CPU does not go with requests: less than {}% of it is by theirs, in {} steps in which both are known and the pods stay",
            LITTLE * 100.0,
            rows.len()
        ));
    }
    let evidence = format!("least squares over {} steps of CPU, requests and pods; bootstrap of blocks", rows.len());
    let one = |setting, index: usize| {
        let (low, high) = widened(interval(drawn[index].clone())?, found[index]);
        let value = found[index].max(0.0);
        Some(Estimate { setting, value, low, high: high.max(value), sigma: None, evidence: evidence.clone() })
    };
    Ok([one(Setting::CpuPerRequest, 0), one(Setting::BackgroundCpu, 1)].into_iter().flatten().collect())
}

/// Stretches of an equal number of pods are this long, seconds, to say how memory grows.
const LONG: i64 = 1800;

/// Memory of a pod without load, and what it gains in an hour. The error says why that is not known.
pub fn memory(steps: &[Step], seed: u64) -> Result<Vec<Estimate>, String> {
    if steps.len() < FEWEST {
        return Err("memory and pods were not recorded at the same time for long enough".to_owned());
    }
    // Memory is that of an instant, at the beginning of its step or after it: requests before count as well as those at the time.
    // A value of a pod that has ended stays for up to two samples' distances.
    let rows: Vec<[f64; 4]> = steady(steps, 2)
        .filter(|(before, _)| before.pods > 0.0)
        .map(|(before, step)| [1.0, step.rps / step.pods, before.rps / before.pods, step.used / step.pods])
        .collect();
    let of_requests = steps.iter().any(|step| step.rps != steps[0].rps);
    let columns = if of_requests { 2 } else { 1 };
    let mut all = Vec::new();
    let lagged = if of_requests { bootstrapped(&rows, 3, seed) } else { None };
    let found = lagged.or_else(|| bootstrapped(&rows, columns, seed));
    // Requests of the time and those before it.
    if let Some((found, drawn)) = found.as_ref().filter(|_| of_requests)
        && let sums = (0..drawn[0].len()).map(|sample| drawn[1..].iter().map(|values| values[sample]).sum::<f64>())
        && let Some((low, high)) = interval(sums.collect())
        && low > 0.0
    {
        let value = found[1..].iter().sum::<f64>();
        let (low, high) = widened((low, high), value);
        let evidence = format!("memory of a pod over {} steps, by requests a pod; bootstrap of blocks", rows.len());
        all.push(Estimate { setting: Setting::MemoryPerRps, value, low, high, sigma: None, evidence });
    }
    if let Some((found, drawn)) = found
        && let Some((low, high)) = interval(drawn[0].clone())
        && found[0] > 0.0
    {
        let (low, high) = widened((low, high), found[0]);
        let evidence = format!("memory of a pod over {} steps, by requests a pod; bootstrap of blocks", rows.len());
        all.push(Estimate { setting: Setting::MemoryBase, value: found[0], low, high, sigma: None, evidence });
    }
    let mut slopes: Vec<[f64; 4]> = Vec::new();
    for stretch in steps.chunk_by(|one, other| one.pods == other.pods) {
        let (first, last) = (stretch[0].at, stretch[stretch.len() - 1].at);
        if last - first < LONG || stretch[0].pods <= 0.0 {
            continue;
        }
        let pairs = stretch.windows(2).skip(1).map(|pair| (&pair[0], &pair[1]));
        let row = |(before, step): (&Step, &Step)| {
            let of_pod = [before.rps, step.rps, step.used].map(|amount| amount / step.pods);
            [(step.at - first) as f64 / 3600.0, of_pod[1], of_pod[0], of_pod[2]]
        };
        let rows: Vec<[f64; 4]> = pairs.map(row).collect();
        let mean = |column: usize| rows.iter().map(|row| row[column]).sum::<f64>() / rows.len() as f64;
        let means = [mean(0), mean(1), mean(2), mean(3)];
        slopes.extend(rows.iter().map(|row| std::array::from_fn::<f64, 4, _>(|column| row[column] - means[column])));
    }
    let lagged = if of_requests { bootstrapped(&slopes, 3, seed) } else { None };
    if let Some((found, drawn)) = lagged.or_else(|| bootstrapped(&slopes, columns, seed))
        && let Some((low, high)) = interval(drawn[0].clone())
    {
        let evidence = "the slope of memory of a pod while the number of pods stays; bootstrap of blocks".to_owned();
        let (value, (low, high)) = (found[0].max(0.0), widened((low, high), found[0]));
        let base = all.iter_mut().find(|one| one.setting == Setting::MemoryBase);
        if let Some(base) = base.filter(|_| low > 0.0) {
            // What pods had gained before, and how long some of them had run, is not known.
            base.low = 0.0;
            base.evidence.push_str(", with what it had gained");
        }
        all.push(Estimate { setting: Setting::MemoryGrowth, value, low, high, sigma: None, evidence });
    }
    Ok(all)
}

/// Pods that took longer than this were unready in between.
const LONGEST: i64 = 3600;
/// From so many pods on their spread is told.
const SPREAD: usize = 5;

/// How long pods took from their start until they were ready: the median of those that were recorded. Where probes decide it, that is
/// up to `period` seconds more than the application took, and not before `delay`.
pub fn startup(seconds: &[i64], (delay, period): (i64, i64), seed: u64) -> Result<Estimate, String> {
    let mut known: Vec<f64> =
        seconds.iter().filter(|one| (0..=LONGEST).contains(*one)).map(|one| *one as f64).collect();
    if known.is_empty() {
        return Err("of no pod both the start and the readiness were recorded".to_owned());
    }
    known.sort_by(f64::total_cmp);
    let median = |sorted: &[f64]| sorted[sorted.len() / 2];
    let drawn = Bootstrap::new(known.len(), seed);
    let medians = drawn.drawn().iter().map(|sample| {
        let mut again: Vec<f64> = sample.iter().map(|index| known[*index]).collect();
        again.sort_by(f64::total_cmp);
        median(&again)
    });
    let range = (known[0], known[known.len() - 1]);
    let (low, high) = interval(medians.collect()).filter(|_| known.len() >= SPREAD).unwrap_or(range);
    let value = (median(&known) - period as f64 / 2.0).max(0.0);
    let logarithms: Vec<f64> = known.iter().map(|one| one.max(1.0).ln()).collect();
    let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
    let variance =
        logarithms.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (logarithms.len() as f64 - 1.0).max(1.0);
    let is_spread =
        known.len() >= SPREAD && known[known.len() * 9 / 10] - known[known.len() / 10] > (0.25 * value).max(2.0);
    let probes = if period > 0 { format!(", less half a period of the probe ({period}s)") } else { String::new() };
    // A probe that is not asked before says no more than that the application was up by then.
    let is_late = low > delay as f64 + 1.0;
    Ok(Estimate {
        setting: Setting::Startup,
        value,
        low: if is_late { (low - period as f64).max(0.0) } else { 0.0 },
        high,
        sigma: is_spread.then(|| variance.sqrt()),
        evidence: match known.len() {
            1 => format!("from started to ready of one pod{probes}: too few for an interval"),
            few @ 2..SPREAD => {
                format!("from started to ready of {few} pods{probes}; their range, too few for an interval")
            }
            many => format!("from started to ready of {many} pods{probes}; bootstrap of the median"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day in which requests rise and fall, and pods follow.
    fn day(cpu: f64, idle: f64, noise: f64) -> Vec<Step> {
        let step = |minute: i64| {
            let rps = 100.0 - 80.0 * (minute as f64 / 1440.0 * std::f64::consts::TAU).cos();
            let pods = (rps / 20.0).ceil() + f64::from(minute % 300 < 100);
            let error = 1.0 + noise * (minute as f64 * 12.9898).sin();
            Step { at: minute * 60, used: (cpu * rps + idle * pods) * error, rps, pods, has_restarts: false }
        };
        (0..1440).map(step).collect()
    }

    #[test]
    fn cpu_of_requests_and_of_idle_pods() {
        let found = cpu(&day(0.040, 0.012, 0.1), 1).unwrap();
        for (estimate, truth) in found.iter().zip([0.040, 0.012]) {
            assert!((estimate.low..=estimate.high).contains(&truth), "{estimate:?}");
            assert!(estimate.high - estimate.low < 0.015, "{estimate:?}");
        }
        assert_eq!(found.len(), 2);
        // Nothing changes: requests or pods, who knows.
        let constant = vec![Step { at: 0, used: 4.0, rps: 100.0, pods: 5.0, has_restarts: false }; 200];
        assert_eq!(cpu(&constant, 1), Err("requests and pods did not change".to_owned()));
        assert!(cpu(&[], 1).is_err());
        // Requests of another service: what is left of them is how numbers are rounded.
        let of_another = |step: Step| Step { used: 0.24 * step.pods * (1.0 + 1e-9 * step.rps), ..step };
        let all: Vec<Step> = day(0.04, 0.01, 0.0).into_iter().map(of_another).collect();
        let why = cpu(&all, 1).unwrap_err();
        assert!(why.contains("does not go with requests"), "{why}");
    }

    #[test]
    fn memory_grows_while_the_pods_stay() {
        let step = |minute: i64| {
            let (pods, rps) = (if minute < 720 { 3.0 } else { 5.0 }, 30.0 + 20.0 * (minute as f64 / 50.0).sin());
            let age = (minute % 720) as f64 / 60.0;
            Step { at: minute * 60, used: pods * (2e8 + 1e7 * age) + rps * 1e6, rps, pods, has_restarts: false }
        };
        let steps: Vec<Step> = (0..1440).map(step).collect();
        let found = memory(&steps, 1).unwrap();
        assert_eq!(
            found.iter().map(|one| one.setting).collect::<Vec<_>>(),
            [Setting::MemoryBase, Setting::MemoryGrowth]
        );
        assert!((found[1].value - 1e7).abs() < 2e5, "{found:?}");
        assert!(found[0].value > 2e8 && found[0].value < 3.2e8, "with what it had gained on average: {found:?}");
    }

    #[test]
    fn startup_of_few_pods_and_of_many() {
        let few = startup(&[12, 14, 13], (0, 0), 1).unwrap();
        assert_eq!((few.value, few.low, few.high, few.sigma), (13.0, 12.0, 14.0, None));
        let many = startup(&[5, 6, 8, 9, 12, 20, 30, 45, 8, 7, 100_000], (0, 4), 1).unwrap();
        assert_eq!(many.value, 7.0, "{many:?}");
        assert!(many.sigma.is_some_and(|sigma| sigma > 0.5));
        assert!(startup(&[], (0, 0), 1).is_err());
        // Ready when the probe was asked for the first time: up by then, whenever.
        let early = startup(&[10, 10, 11], (10, 5), 1).unwrap();
        assert_eq!((early.low, early.high), (0.0, 11.0), "{early:?}");
    }
}
