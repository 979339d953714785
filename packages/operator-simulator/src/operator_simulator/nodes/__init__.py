"""Node mode: every PD member and every store is a process of its own, and what is done to it is felt by one model.

For machines on which real PD and TiKV cannot be had. A node (:mod:`.node`) has the ports of one process and nothing to
say of its own: what it is asked it passes on to the model (:mod:`.shared`), and it tells the model what it measured::

       host ── ports of tikv0 ──┐          ┌── ports of pd0 ── host
                                ▼          ▼
    data network           node tikv0 ◄─► node pd0 ◄─► …        beats (:mod:`.beats`): every ordered pair, 5 a second
    (faults are done here)      │          │
                                │          │
    control network             │ reports  │                    one connection a node (:mod:`.frames`): beats heard and
    (and never here)            ▼ answers  ▼                    lost, round trips, room on the volume; requests, answers
                            the model: one Cluster
                             lives   (:mod:`.lives`)            closed: killed; open and silent: frozen
                             links   (:mod:`.links`)            beats not received: cut; late: slow
                             volumes                            statvfs: the room on the store's disk

Nobody tells the model of a fault: a container that is killed, paused, cut off or slowed is felt by what arrives and
what does not. The ports refuse, or stay silent, because the process behind them is really gone or really frozen.
A process that the model has end by itself (an orderly stop, a member that found no quorum) ends for real.
"""
