"""One of several processes that train together: `python -m tests.one_of_several WHAT FOLDER`, as torchrun starts it."""

import os
import signal
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from cirque.errors import CirqueError
from cirque.training import processes
from cirque.training.contrastive import contrastive_loss

#: How long they wait for each other (seconds).
PATIENCE = {"gradients": 60.0, "killed": 60.0, "silent": 3.0, "state": 60.0}


class Towers(nn.Module):
    """Two towers and a scale, whose forward pass is the loss of a batch."""

    def __init__(self, group: processes.Group) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.image, self.text, self.log_scale = nn.Linear(6, 5), nn.Linear(6, 5), nn.Parameter(torch.tensor(2.0))
        self.group = group

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        gathered = [self.group.gather(features) for features in (self.image(images), self.text(texts))]
        return contrastive_loss(*gathered, self.log_scale.exp())


def gradients(group: processes.Group) -> dict[str, Tensor]:
    """The loss of a batch of twelve and its gradients."""
    towers = Towers(group)
    images, texts = torch.randn(2, 12, 6, generator=torch.Generator().manual_seed(1))
    wrapped = group.wrap(towers)
    loss = wrapped(group.share(images), group.share(texts))
    loss.backward()
    return {"loss": loss.detach(), **{name: weight.grad for name, weight in towers.named_parameters()}}


def main(what: str, folder: Path) -> None:
    """Do one thing with the other processes."""
    with processes.joined(torch.device("cpu"), PATIENCE[what]) as group:
        if what == "state":
            group.require_same(7 + group.rank)
        found = gradients(group)
        if what == "gradients":
            save_file(found, folder / f"{group.rank}.safetensors")
        elif group.rank:
            os.kill(os.getpid(), signal.SIGKILL) if what == "killed" else time.sleep(60)
        else:
            gradients(group)


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]))
    except CirqueError as error:
        raise SystemExit(str(error)) from None
