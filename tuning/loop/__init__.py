"""The loop: from a pattern, or an admin's word, to another champion, and back.

A run is one attempt at a better adapter for one task of one guild. It is always in one state, which is
written down before anything of that state is done; so a run that was killed goes on where it was:

    asked -> dataset -> training -> exporting -> evaluating -> gated -> approval -> canary -> champion

* **asked**: labels become a dataset version. The same labels make the same version, however often.
* **dataset**: the version is there. Base, disk and memory are looked at, rows and the job are written.
* **training**: the process trains. Killed, it goes on from its checkpoint.
* **exporting**: the adapter is written as GGUF, proven against PyTorch, and put into the registry.
* **evaluating**: champion and challenger answer the held-out questions through the engine that serves.
* **gated**: the report is there, and the gate decides. It refuses, asks an admin, or lets pass.
* **approval**: nothing is done until an admin says yes or no.
* **canary**: the challenger answers a share of the questions. It is taken back as soon as it is proven that
  members are less content with it than with the champion before, and made champion when it has stood.
* **champion**: it answers all of them, and is watched in the same way for some weeks.

A run ends before that as **refused** (the gate, an admin, or nothing to learn), **failed** (training, the
disk, a broken file, another base than before), **cancelled** or **rolled back**, each with one line that says
why. In none of these is the champion touched before the challenger has passed the gate.

States only go forward, so the furthest that was written down stands, whatever the clocks said. A step may be
done any number of times: what it makes has the same name again, and what is there is not made anew. What may
succeed a moment later (`LorekeeperError.transient`) leaves the state as it is, and is tried a few times.
"""
