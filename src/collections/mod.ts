export {
  AppendLog,
  type AppendLogOptions,
  type CommitOptions,
  type EntriesOptions,
  type FollowOptions,
  type LogEntry,
} from "./append_log.ts";
export { SharedArray, type SharedArrayOptions } from "./shared_array.ts";
export { SharedMap, type SharedMapOptions } from "./shared_map.ts";
