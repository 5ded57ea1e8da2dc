export {
  AppendLog,
  type AppendLogOptions,
  type CommitOptions,
  type EntriesOptions,
  type FollowOptions,
  type LogEntry,
} from "./append_log.ts";
