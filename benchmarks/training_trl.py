"""TRL's SFTTrainer on the rows of `benchmarks.training`, run by the Python that has TRL, without our code.

    python training_trl.py job.json

job.json: base (a Hugging Face folder), rows (JSONL: prompt and completion as text), output, settings (what is
given to SFTConfig), lora (what is given to LoraConfig). Prints one JSON object: the seconds of training.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer


def main(job: dict[str, Any]) -> None:
    rows = [json.loads(line) for line in Path(job["rows"]).read_text("utf-8").splitlines()]
    trainer = SFTTrainer(
        model=job["base"],
        args=SFTConfig(output_dir=job["output"], report_to="none", save_strategy="no", **job["settings"]),
        train_dataset=Dataset.from_list(rows),
        peft_config=LoraConfig(**job["lora"]),
    )
    seconds = trainer.train().metrics["train_runtime"]
    trainer.save_model(job["output"])
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
