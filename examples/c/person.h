/* The record that Deno and C share; ../person.ts is the same in TypeScript. */
struct person {
  char name[4];
  int age;
};
