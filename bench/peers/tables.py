# SPDX-License-Identifier: Apache-2.0
"""What peers.py says: a report as a table in Markdown, one network's lines, and a chart of weft over its peers."""
import html

ALLOWED = {"fp32": 1e-3}  # by which outputs may be apart, of the largest; of other precisions:
ALLOWED_ELSE = 0.2
UNREAD = "its output is not compared: this dialect of the network does not take the peers' weights"


def allowed(result):
    return ALLOWED.get(result.get("precision"), ALLOWED_ELSE)


def cell(report, entry, name):
    """811.3, CPU 1602 (1.22x): medians of wall and processor time, and how many times as fast weft is."""
    result = entry["contenders"][name]
    if "skipped" in result:
        return "skipped"
    text = f"{result['median_ms']:.{3 if report.get('gpu') else 1}f}"
    if result.get("median_cpu_ms") and not report.get("gpu"):
        text += f", CPU {result['median_cpu_ms']:.{1 if result['median_cpu_ms'] < 100 else 0}f}"
    if name in entry.get("speedup", {}):
        text += f" ({entry['speedup'][name]:.2f}x)"
    if result.get("precision", report["precision"]) != report["precision"]:
        text += f" {result['precision']}"
    return text


def first_line(report):
    what = "steps of training" if report["train"] else "runs"
    where = f"GPU: {report['gpu']}" if report.get("gpu") else f"CPU: {report['cpu']}, {report['threads']} threads"
    limit = f", limited to {report['isa'].upper()}" if report.get("isa") else ""
    peers = ", peers in their default precision" if report.get("peer_precision") == "default" else ""
    tuned = ", weft tuned" if report.get("tuned") else ""
    versus = " (times as fast as the peer weft is)" if "weft" in report["contenders"] else ""
    turns = f"{report['rounds']} alternating rounds of {report['runs']}"
    return (f"{where}{limit}, batch {report['batch']}, {report['precision']}{peers}{tuned}, {what}, {turns}; median ms "
            f"per batch, wall and processor time{versus}; load before the run {report['load_before']:.1f}")


def mean_row(report):
    means = report.get("geometric_means", {})
    if not means:
        return []
    cells = [f"{means[name]:.2f}x" if name in means else "" for name in report["contenders"]]
    return ["| **geometric mean** | | | " + " | ".join(cells) + f" | **{report['geometric_mean']:.2f}x** |"]


def differences(entry):
    """weft 1.2e-06, openvino 3.1e-06: how far outputs are from PyTorch's, of the largest."""
    parts = []
    for name, result in entry["contenders"].items():
        if result.get("apart") is not None:
            verdict = "" if result["apart"] <= allowed(result) else " **DIFFERS**"
            parts.append(f"{name} {result['apart']:.1e}{verdict}")
    return ", ".join(parts)


def notes(report):
    lines = []
    for entry in report["models"]:
        if entry["macs_agree"] is False:
            lines += [f"{entry['model']}: multiply-adds differ: {entry['macs_by']}"]
    rows = [f"{e['model']}: {differences(e)}" for e in report["models"] if differences(e)]
    if rows:
        lines += ["Largest difference of outputs from PyTorch's (eager, fp32), as a share of the largest output. "
                  + "; ".join(rows) + "."]
    told = {}
    for entry in report["models"]:
        for name, result in entry["contenders"].items():
            for text in (result.get("skipped"), result.get("note"), result.get("random") and UNREAD):
                if text:
                    told.setdefault(f"{name}: {text}", []).append(entry["model"])
    return lines + [f"{text} ({'all' if len(models) == len(report['models']) else ', '.join(models)})."
                    for text, models in told.items()]


def markdown(report):
    """The report as a table: medians in ms per batch, weft's speed-up in brackets."""
    names = report["contenders"]
    lines = [first_line(report), "",
             "| network | dialect | GMAC | " + " | ".join(names) + " | weft over best peer |",
             "|---|---|---|" + "---|" * (len(names) + 1)]
    for entry in report["models"]:
        cells = [entry["model"], entry["dialect"], f"{entry['macs'] / 1e9:.3f}" if entry["macs"] else "?"]
        cells += [cell(report, entry, name) for name in names]
        best = entry.get("speedup_over_best")
        cells.append(f"{best:.2f}x ({entry['best_peer']})" if best else "-")
        lines.append("| " + " | ".join(cells) + " |")
    lines += mean_row(report)
    lines += ["", "Versions: " + ", ".join(f"{n} {v}" for n, v in sorted(report["versions"].items()))]
    for note in notes(report):
        lines += ["", note]
    return "\n".join(lines) + "\n"


def print_entry(entry):
    print(f"{entry['model']} ({entry['dialect']} dialect, peers' {entry['peer_network']}, {entry['px']} px)")
    gmac = entry["macs"]
    if gmac:
        verdict = {True: "weft and torch agree", False: f"DIFFER: {entry['macs_by']}", None: "one count only"}
        print(f"  {gmac / 1e9:.3f} GMAC an image; {verdict[entry['macs_agree']]}")
    for name, result in entry["contenders"].items():
        if "skipped" in result:
            print(f"  {name:14s} skipped: {result['skipped']}")
            continue
        ratio = entry.get("speedup", {}).get(name)
        peak = f"   peak {result['peak_mib']:6.0f} MiB" if result.get("peak_mib") else ""
        busy = f"   CPU {result['median_cpu_ms']:9.3f} ms" if result.get("median_cpu_ms") else ""
        print(f"  {name:14s} median {result['median_ms']:9.3f} ms   min {result['min_ms']:9.3f} ms{busy}{peak}"
              + f"   {result.get('precision', '')}" + (f"   weft is {ratio:5.2f}x as fast" if ratio else "")
              + ("   <- best PyTorch" if name == entry.get("torch_best") else ""))
        for text in (result.get("note"), result.get("random") and UNREAD):
            if text:
                print(f"  {'':14s} {text}")
    if differences(entry):
        print(f"  outputs from PyTorch's: {differences(entry)}")


BAR, GAP, LEFT, WIDTH = 14, 12, 170, 900


def chart(report, title):
    """An SVG of bars: how many times as fast as its best peer weft is on every network, and the mean."""
    rows = [(e["model"], e["speedup_over_best"], e["best_peer"]) for e in report["models"] if "speedup_over_best" in e]
    if not rows:
        return None
    rows.append(("geometric mean", report["geometric_mean"], ""))
    scale = (WIDTH - LEFT - 150) / max(2.0, *(ratio for _, ratio, _ in rows))
    height = 60 + len(rows) * (BAR + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
           f'font-size="12">', f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
           f'<text x="10" y="20" font-size="14">{html.escape(title)}</text>']
    for i, (name, ratio, peer) in enumerate(rows):
        y = 40 + i * (BAR + GAP)
        colour = "#3b6ea5" if ratio >= 1 else "#b5472f"
        out += [f'<text x="{LEFT - 8}" y="{y + BAR - 3}" text-anchor="end">{html.escape(name)}</text>',
                f'<rect x="{LEFT}" y="{y}" width="{ratio * scale:.1f}" height="{BAR}" fill="{colour}"/>',
                f'<text x="{LEFT + ratio * scale + 6:.1f}" y="{y + BAR - 3}">{ratio:.2f}x '
                f'{html.escape(peer)}</text>']
    x = LEFT + scale
    out += [f'<line x1="{x:.1f}" y1="32" x2="{x:.1f}" y2="{height - 10}" stroke="#888" stroke-dasharray="3 3"/>',
            "</svg>"]
    return "\n".join(out) + "\n"
