"""What the clock sets off: schedules, and events that do not come. One leader looks after all."""

from engine.scheduler.duty import Scheduler, SchedulerDuty

__all__ = ["Scheduler", "SchedulerDuty"]
