"""Predict the labels of the lines of a file with the weights of a run of recipes/sentiment_zh.yaml, in plain PyTorch.

    python benchmarks/startup/predict_reference.py RUN FILE THREADS BATCH_SIZE

Prints a line of JSON per text. THREADS is the number of torch's threads, or 0 for torch's default. A script that
imports nothing from `benchmarks`: its whole process is measured, start-up included.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

run, file, threads, batch_size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
if threads:
    torch.set_num_threads(threads)
fitted = json.loads((run / "tokenizer.json").read_text(encoding="utf-8"))
symbols, labels = fitted["tokenizer"]["symbols"], fitted["head"]["labels"]
ids = {symbol: number for number, symbol in enumerate(symbols)}
unknown = len(symbols)

weights = load_file(run / "model.safetensors")
hidden_size = weights["encoder.layers.cells.0.weight_hh_l0"].shape[1]
lstm = nn.LSTM(len(symbols) + 1, hidden_size, batch_first=True, bidirectional=True)
output = nn.Linear(2 * hidden_size, len(labels))
with torch.no_grad():
    for name, weight in lstm.named_parameters():
        weight.copy_(weights[f"encoder.layers.cells.{int(name.endswith('_reverse'))}.{name.removesuffix('_reverse')}"])
    output.weight.copy_(weights["head.output.weight"])
    output.bias.copy_(weights["head.output.bias"])

texts = file.read_text(encoding="utf-8").splitlines()
rows = [torch.tensor([ids.get(symbol, unknown) for symbol in text]) for text in texts]
order = sorted(range(len(rows)), key=lambda number: len(rows[number]), reverse=True)
predictions: list[list[float]] = [[] for _ in rows]
with torch.inference_mode():
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        batch = pad_sequence([rows[number] for number in chosen], batch_first=True)
        lengths = torch.tensor([len(rows[number]) for number in chosen])
        inputs = nn.functional.one_hot(batch, len(symbols) + 1).float()
        _, (hidden, _) = lstm(pack_padded_sequence(inputs, lengths, batch_first=True))
        probabilities = output(torch.cat([hidden[0], hidden[1]], dim=1)).softmax(dim=1)
        for number, row in zip(chosen, probabilities.tolist(), strict=True):
            predictions[number] = row

for text, row in zip(texts, predictions, strict=True):
    label = labels[max(range(len(row)), key=row.__getitem__)]
    prediction = {"text": text, "label": label, "probabilities": dict(zip(labels, row, strict=True))}
    print(json.dumps(prediction, ensure_ascii=False))
