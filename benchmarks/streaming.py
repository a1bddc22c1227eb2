"""The streaming loop, measured: ``python -m benchmarks.streaming [--parts ...] [--short] [--json FILE]``.

Throughput beside numpy, LiberTEM and Dask in the same run; latency at several rates; a million frames; the kill matrix.
"""

import argparse
import json
import time
from pathlib import Path

from benchmarks import endurance, frame_latency, kills, pva_throughput, throughput
from benchmarks.machine import load


def main():
    """Measure what was chosen and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=sorted(PARTS), default=list(PARTS))
    parser.add_argument("--short", action="store_true", help="a tenth of the frames, to see that it runs")
    parser.add_argument("--sizes", nargs="+", type=int, choices=sorted(throughput.SIZES), default=None)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path("artefacts/streaming.json"))
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report = {"began": time.time(), "machine_before": load()}
    for part in options.parts:
        print(f"{part} (load {load()['load_1min']:.1f})", flush=True)
        report[part] = PARTS[part](options)
        options.json.write_text(json.dumps(report, indent=1))
    report["machine_after"] = load()
    options.json.write_text(json.dumps(report, indent=1))
    for part in options.parts:
        TABLES[part](report[part])
    print(f"load {report['machine_before']['load_1min']:.1f} before, {report['machine_after']['load_1min']:.1f} after")


def _throughput(options):
    repeats = 1 if options.short else options.repeats
    return throughput.measure(options.sizes, repeats, 0.1 if options.short else 1.0)


def _print_throughput(rows):
    ours = {(row["side"], row["work"]): row["fps"] for row in rows if row["engine"] == "steering"}
    print(f"\n{'side':>6} {'work':22}{'engine':30}{'frames/s':>10}{'MB/s':>8}{'ours / it':>11}")
    for row in sorted(rows, key=lambda row: (row["side"], row["work"], -row["fps"])):
        ratio = ours[row["side"], row["work"]] / row["fps"]
        print(f"{row['side']:6} {row['work']:22}{row['engine']:30}{row['fps']:10.0f}{row['mb_s']:8.0f}{ratio:11.2f}")


def _print_pva(rows):
    print(f"\n{'side':>6} {'over PVA':22}{'frames/s':>10}{'MB/s':>8}{'taken':>8}{'missed':>8}")
    for row in rows:
        print(
            f"{row['side']:6} {row['engine']:22}{row['fps']:10.0f}{row['mb_s']:8.0f}{row['taken']:8}{row['missed']:8}"
        )


def _print_latency(rows):
    print(f"\n{'frames/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'frames':>9}{'analysed':>10}{'missed':>8}{'doubled':>9}")
    for row in rows:
        print(
            f"{row['rate']:9}{row['p50_ms']:9.1f}{row['p99_ms']:9.1f}{row['frames']:9}{row['analysed']:10}"
            f"{row['missed']:8}{row['doubled']:9}"
        )


def _print_endurance(report):
    print(f"\n{'tenth':>6}{'frames/s':>10}{'CPU us/frame':>14}{'kernel MB':>11}{'scheduler MB':>14}{'workers MB':>12}")
    for row in report["tenths"]:
        memory = row["rss_mb"]
        print(
            f"{row['tenth']:6}{row['fps']:10.0f}{row['cpu_us_per_frame_all']:14.1f}{memory['kernel']:11.0f}"
            f"{memory['scheduler']:14.0f}{memory['worker']:12.0f}"
        )
    print(f"{report['analysed']} of {report['came']} analysed, {report['doubled']} doubled")


def _print_kills(rows):
    print(f"\n{'killed':16}{'frames':>8}{'lost':>6}{'doubled':>9}{'missed':>8}{'gap s':>8}{'before s':>10}")
    for row in rows:
        print(
            f"{row['case']:16}{row['frames']:8}{row['lost']:6}{row['doubled']:9}{row['missed']:8}"
            f"{row['longest_gap_s']:8.2f}{row['longest_gap_before_s']:10.2f}"
        )


PARTS = {
    "throughput": _throughput,
    "pva": lambda options: pva_throughput.measure(options.sizes, 0.1 if options.short else 1.0),
    "latency": lambda options: frame_latency.measure(seconds=3.0 if options.short else 20.0),
    "endurance": lambda options: endurance.measure(100_000 if options.short else 1_000_000),
    "kills": lambda options: kills.measure(seconds=10.0 if options.short else kills.SECONDS),
}
TABLES = {
    "throughput": _print_throughput,
    "pva": _print_pva,
    "latency": _print_latency,
    "endurance": _print_endurance,
    "kills": _print_kills,
}


if __name__ == "__main__":
    main()
