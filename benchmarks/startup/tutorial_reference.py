"""The tutorial that recipes/char_gen_tutorial.yaml reproduces, in plain PyTorch: train, then generate a text.

    python benchmarks/startup/tutorial_reference.py THREADS STEPS

Prints five losses and the text. THREADS is the number of torch's threads, or 0 for torch's default. A script that
imports nothing from `benchmarks`: its whole process is measured, start-up included.
"""

import sys

import torch
from torch import nn

TEXT = "In Beijing Sarah bought a basket of apples In Guangzhou Sarah bought a basket of bananas"
PROMPT = "In Beijing Sarah bought a basket of"

threads, steps = int(sys.argv[1]), int(sys.argv[2])
if threads:
    torch.set_num_threads(threads)
torch.manual_seed(1)
symbols = sorted(set(TEXT))
ids = {symbol: number for number, symbol in enumerate(symbols)}


def one_hot(text: str) -> torch.Tensor:
    return nn.functional.one_hot(torch.tensor([[ids[symbol] for symbol in text]]), len(symbols)).float()


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(len(symbols), 32, batch_first=True, bidirectional=True)
        self.output = nn.Linear(64, len(symbols))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.output(self.lstm(inputs)[0])


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
inputs, targets = one_hot(TEXT[:-1]), torch.tensor([ids[symbol] for symbol in TEXT[1:]])
for step in range(1, steps + 1):
    optimizer.zero_grad()
    loss = criterion(model(inputs)[0], targets)
    loss.backward()
    optimizer.step()
    if step % (steps // 5) == 0:
        print(step, loss.item())

text = PROMPT
with torch.no_grad():
    for _ in range(20):
        text += symbols[int(model(one_hot(text))[0, -1].argmax())]
print(text)
