"""Suppressions: what users wrote so that findings do not count in scan and gate; holds and verdicts know nothing of them."""

from __future__ import annotations

from ambimigrate.suppressions.gather import gathered as gathered
from ambimigrate.suppressions.heed import Manner as Manner
from ambimigrate.suppressions.heed import heed as heed
from ambimigrate.suppressions.levels import Levels as Levels
from ambimigrate.suppressions.levels import Override as Override
from ambimigrate.suppressions.trust import trusted as trusted
from ambimigrate.suppressions.values import Scope as Scope
from ambimigrate.suppressions.values import Silence as Silence
