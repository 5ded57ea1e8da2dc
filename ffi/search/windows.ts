/** What the search by machine code needs of Windows. */

export { windows as library } from "../windows/library.ts";
export { WINDOWS_SEARCH_CODE as code } from "./code_windows.ts";
