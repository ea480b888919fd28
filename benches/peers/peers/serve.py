"""A peer as a process: says `ready`, then answers each line on standard input with the loss of a training step.

`python -m peers.serve torch|jax EXPORT THREADS`
"""

import sys
from pathlib import Path

from .problem import Problem


def main() -> None:
    framework, export, threads = sys.argv[1:]
    problem = Problem(Path(export))
    if framework == "torch":
        import torch

        from .torch_peer import TorchPeer

        torch.set_num_threads(int(threads))
        peer = TorchPeer(problem)
    else:
        # JAX starts a thread for each core that it may run on.
        from .jax_peer import JaxPeer

        peer = JaxPeer(problem)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(peer.step(), flush=True)


if __name__ == "__main__":
    main()
