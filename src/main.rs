fn main(){
  for f in std::env::args().skip(1) {
    let (mut n, mut bad)=(0,0);
    hpasim::input::conformance::read(f.as_ref(), |c| { n+=c.steps.len(); let m=hpasim::cli::conformance::replay(&c); for x in m.iter().take(2) { println!("{} {} {:?}", c.name, x.step, x.differences);} bad+=m.len(); }).unwrap();
    println!("{f} {n} {bad}");
  }
}
