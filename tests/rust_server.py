"""Serve Rust's installer and this machine's toolchain as https://static.rust-lang.org does, for closed networks."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

HOST = "x86_64-unknown-linux-gnu"


def component(sysroot: Path, name: str) -> bytes:
    """Pack a component of the installed toolchain as its installer has it.

    rustup reads `rust-installer-version`, `components` and a manifest:
    https://github.com/rust-lang/rust-installer#the-installer-format
    """
    lines = (sysroot / f"lib/rustlib/manifest-{name}").read_text().split("\n")
    listed = [line.partition(":")[2] for line in lines if line]
    files = [path if path.startswith("/") else f"{sysroot}/{path}" for path in listed]
    names = [Path(path).relative_to(sysroot).as_posix() for path in files]
    top, packed = f"{name}-local", BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for file, text in {
            "rust-installer-version": "3\n",
            "components": f"{name}\n",
            f"{name}/manifest.in": "".join(f"file:{path}\n" for path in names),
        }.items():
            member = tarfile.TarInfo(f"{top}/{file}")
            member.size = len(text)
            archive.addfile(member, BytesIO(text.encode()))
        for path in names:
            archive.add(sysroot / path, f"{top}/{name}/{path}")
    return packed.getvalue()


def make(folder: Path) -> str:
    """Write the files of the server into a folder, and return the version of Rust that it has.

    Everything is genuine but for the compression of the components, and so their checksums.
    """
    sysroot = Path(subprocess.check_output(["rustc", "--print", "sysroot"], text=True).strip())
    manifest = (sysroot / "lib/rustlib/multirust-channel-manifest.toml").read_text("utf-8")
    version: str
    (version,) = re.findall(r'^\[pkg\.rust\]\nversion = "(\S+) ', manifest, re.MULTILINE)
    for package in ("cargo", "clippy-preview", "rust-std", "rustc", "rustfmt-preview"):
        heading = f"[pkg.{package}.target.{HOST}]\n"
        before, rest = manifest.split(heading)
        section, bracket, after = rest.partition("\n[")
        (address,) = re.findall(r'^url = "https://[^/]+/(\S+)"', section, re.MULTILINE)
        content = component(sysroot, f"{package}-{HOST}")
        (folder / address).parent.mkdir(parents=True, exist_ok=True)
        (folder / address).write_bytes(content)
        section = re.sub(r"(?m)^(xz|zst)_.*\n", "", section)
        section = re.sub(
            '(?m)^hash = ".*"', f'hash = "{hashlib.sha256(content).hexdigest()}"', section
        )
        manifest = before + heading + section + bracket + after
    digest = hashlib.sha256(manifest.encode()).hexdigest()
    for name in (version, "stable"):
        channel = folder / f"dist/channel-rust-{name}.toml"
        channel.write_text(manifest, "utf-8")
        Path(f"{channel}.sha256").write_text(f"{digest}  {channel.name}\n")
    installer = folder / f"rustup/archive/1.29.0/{HOST}/rustup-init"
    installer.parent.mkdir(parents=True)
    # The installer is rustup itself: https://rust-lang.github.io/rustup/installation/other.html
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    shutil.copy(cargo / "bin/rustup", installer)
    return version
